"""Vehicle state: the last reported value of each signal, and the state expected from our own commands.

Both are one row, so that an evaluation reads one consistent picture.
"""

from typing import TypeGuard

import msgspec

from keyturn.clock import after, seconds_between
from keyturn.config.settings import EvidenceSettings
from keyturn.connectors.responses import LoggedRequest, SignalReading, StateReport
from keyturn.store.port import ReadTx, Row, Tx


class Position(msgspec.Struct, frozen=True):
    """Degrees, at the instant `at`."""

    latitude: float
    longitude: float
    at: int


def newest_position(known: Position | None, latitude: object, longitude: object, at: int) -> Position | None:
    """The reported position, where it is a place on Earth and no newer one is known; else `known`."""
    if not _within(latitude, 90.0) or not _within(longitude, 180.0) or (known is not None and known.at > at):
        return known
    if latitude == longitude == 0:  # what receivers report that have no fix
        return known
    return Position(float(latitude), float(longitude), at)


def _within(degrees: object, limit: float) -> TypeGuard[float]:
    return isinstance(degrees, int | float) and not isinstance(degrees, bool) and abs(degrees) <= limit


SignalValue = bool | int | float | str | None


class Signal(msgspec.Struct, frozen=True, omit_defaults=True):
    """A value and its source. `as_of` is when the source last confirmed it; all times are instants."""

    value: SignalValue
    observed_at: int
    as_of: int | None
    received_at: int
    source: str
    why: str = ""
    """Why a value that the source gave is not used, or why `observed_at` is not the source's."""


class Unread(msgspec.Struct, frozen=True):
    """A state read that gave no report."""

    at: int
    """When it ended."""
    exchange: LoggedRequest


class ReportedState(msgspec.Struct, frozen=True, omit_defaults=True):
    """The newest reading of each signal."""

    signals: dict[str, Signal] = {}
    reachable: bool | None = None
    reachable_at: int = 0
    """When the connector reported that."""
    last_contact: int | None = None
    last_contact_why: str = ""
    """Why the newest report has none."""
    unread: Unread | None = None
    """The newest state read, where it gave no report."""

    def value(self, name: str) -> SignalValue:
        """The newest value, whatever its age."""
        signal = self.signals.get(name)
        return signal.value if signal else None


class ExpectedState(msgspec.Struct, frozen=True, omit_defaults=True):
    """What our own commands left. It makes a precondition met or unknown; contradicted, only by the start count."""

    actuated_at: int = 0
    """Sending of our last actuating command."""
    changed_at: dict[str, int] = {}
    """Per signal: completion, else sending, of our last command that can change it."""
    settled_at: dict[str, int] = {}
    """Per signal: when the command took effect that set its expected value."""
    ignition_disabled: bool = False
    remote_start_active: bool = False
    start_pending: bool = False
    """A start of ours was sent and is neither executed nor proved not done."""
    alert_active_until: int = 0
    consecutive_starts: int = 0
    started_at: int = 0
    """Completion of our last executed start."""
    enabled_at: int = 0
    """Completion of our last executed enable_ignition."""
    position: Position | None = None
    """The last known one, by a `location` command or by a report."""


class Evidence(msgspec.Struct, frozen=True):
    """Reported and expected state of one vehicle."""

    report: ReportedState = ReportedState()
    expected: ExpectedState = ExpectedState()


_SELECT = "SELECT report, track FROM vehicle_evidence WHERE vehicle_id = :vehicle_id"
_SELECT_TO_CHANGE = f"{_SELECT} FOR UPDATE"
_UPSERT = """
INSERT INTO vehicle_evidence (vehicle_id, report, track, seen_at) VALUES (:vehicle_id, :report, :expected, :seen_at)
ON CONFLICT (vehicle_id) DO UPDATE SET report = excluded.report, track = excluded.track, seen_at = excluded.seen_at
"""
_ON = ("on", "ignition on")
_REPORT = msgspec.json.Decoder(ReportedState)
_TRACK = msgspec.json.Decoder(ExpectedState)


def load(tx: ReadTx, vehicle_id: str) -> Evidence:
    return _evidence(tx.one(_SELECT, vehicle_id=vehicle_id))


def load_to_change(tx: ReadTx, vehicle_id: str) -> Evidence:
    """As `load`, and locked until this transaction ends."""
    return _evidence(tx.one(_SELECT_TO_CHANGE, vehicle_id=vehicle_id))


def _evidence(row: Row | None) -> Evidence:
    if row is None:
        return Evidence()
    report, expected = row
    return Evidence(_REPORT.decode(report), _TRACK.decode(expected))


def save(tx: Tx, vehicle_id: str, evidence: Evidence) -> None:
    encode = msgspec.json.encode
    tx.run(
        _UPSERT,
        vehicle_id=vehicle_id,
        report=encode(evidence.report).decode(),
        expected=encode(evidence.expected).decode(),
        seen_at=evidence.report.last_contact,
    )


def merge_report(
    evidence: Evidence, incoming: StateReport, received_at: int, source: str, rules: EvidenceSettings
) -> Evidence:
    """`evidence` after a report. A signal changes only to a value with a later `as_of`; nothing is averaged.

    A value or contact that the source dates in our future counts as unknown; otherwise a source whose clock once ran
    ahead would hide every later report.
    """
    latest = after(received_at, rules.future_tolerance)
    known = evidence.report
    signals = dict(known.signals)
    for name, reading in incoming.readings.items():
        signal = _signal(reading, incoming, signals.get(name), received_at, source, rules.max_age)
        signals[name] = _newer(signals.get(name), _not_from_the_future(signal, latest))
    contact, contact_why = incoming.last_contact, incoming.last_contact_why
    if contact is not None and contact > latest:
        contact_why = _ahead(contact, received_at)
    contacts = [at for at in (known.last_contact, contact) if at is not None and at <= latest]
    report = ReportedState(
        signals,
        reachable=incoming.reachable,
        reachable_at=received_at,
        last_contact=max(contacts, default=None),
        last_contact_why=contact_why,
    )
    expected = _with_reported_position(_without_contradicted(evidence.expected, report), report)
    return Evidence(report, _with_start_count(expected, report, incoming))


def unread(evidence: Evidence, exchange: LoggedRequest, at: int) -> Evidence:
    """`evidence` after a state read that gave no report: known values stay, and age."""
    return Evidence(msgspec.structs.replace(evidence.report, unread=Unread(at, exchange)), evidence.expected)


def _signal(
    reading: SignalReading,
    incoming: StateReport,
    known: Signal | None,
    received_at: int,
    source: str,
    unbroken_for: float,
) -> Signal:
    """`observed_at` is the source's time, else when we first saw the value without a gap of `unbroken_for` seconds."""
    as_of = next((at for at in (reading.as_of, reading.observed_at, incoming.last_contact) if at is not None), None)
    if as_of is None and reading.value is None and reading.why:
        as_of = received_at  # the newest that the source reports of it
    observed_at = reading.observed_at
    if observed_at is None:
        watched = known is not None and received_at <= after(known.received_at, unbroken_for)
        same = known is not None and known.value == reading.value
        observed_at = known.observed_at if known is not None and watched and same else received_at
    return Signal(reading.value, observed_at, as_of, received_at, source, reading.why)


def _not_from_the_future(signal: Signal, latest: int) -> Signal:
    if signal.as_of is None or signal.as_of <= latest:
        return signal
    at = signal.received_at
    return Signal(None, at, at, at, signal.source, _ahead(signal.as_of, at))


def _ahead(instant: int, received_at: int) -> str:
    return f"{seconds_between(received_at, instant):,.0f} s in the future"


def _newer(known: Signal | None, incoming: Signal) -> Signal:
    if known is None or known.as_of is None or (incoming.as_of is not None and incoming.as_of >= known.as_of):
        return incoming
    return known


def _with_reported_position(expected: ExpectedState, report: ReportedState) -> ExpectedState:
    """Take over a reported position; its time is the older one of latitude and longitude."""
    latitude, longitude = report.signals.get("latitude"), report.signals.get("longitude")
    if latitude is None or longitude is None or latitude.as_of is None or longitude.as_of is None:
        return expected
    at = min(latitude.as_of, longitude.as_of)
    return msgspec.structs.replace(
        expected, position=newest_position(expected.position, latitude.value, longitude.value, at)
    )


def _without_contradicted(expected: ExpectedState, report: ReportedState) -> ExpectedState:
    """End the expected start or disable when a report later than our last command contradicts it."""
    ended = {
        name: False for name in ("remote_start_active", "ignition_disabled") if _reports(report, expected, name, False)
    }
    return msgspec.structs.replace(expected, **ended) if ended else expected


def _with_start_count(expected: ExpectedState, report: ReportedState, incoming: StateReport) -> ExpectedState:
    """The start count after a report: reset by a start by hand, replaced by a newer count of the vehicle's own."""
    count = report.signals.get("consecutive_remote_starts")
    reading = incoming.readings.get("consecutive_remote_starts")
    counted = None if reading is None or count is None else whole_number(count.value)
    if count is not None and counted is not None and _later(count, expected.started_at):
        return msgspec.structs.replace(expected, consecutive_starts=counted)
    denied = _reports(report, expected, "remote_start_active", False)
    if not denied and (expected.remote_start_active or expected.start_pending):
        return expected
    by_hand = any(
        _reports(report, expected, name, on) for name in ("ignition_status", "system_power_mode") for on in _ON
    )
    return msgspec.structs.replace(expected, consecutive_starts=0) if by_hand else expected


def whole_number(value: SignalValue) -> int | None:
    """A count, which JSON may write as 2 or 2.0."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if value == int(value) else None


def _reports(report: ReportedState, expected: ExpectedState, name: str, value: SignalValue) -> bool:
    """The newest report has this value, as of a time after our last command that can change it."""
    signal = report.signals.get(name)
    return signal is not None and signal.value == value and _later(signal, expected.changed_at.get(name, 0))


def _later(signal: Signal, instant: int) -> bool:
    return signal.as_of is not None and signal.as_of > instant
