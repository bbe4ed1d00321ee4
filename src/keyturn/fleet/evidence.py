"""Vehicle state: the last reported value of each signal, and the state expected from our own commands.

Both are one row, so that an evaluation reads one consistent picture.
"""

from typing import TypeGuard

import msgspec

from keyturn.connectors.responses import LoggedRequest
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

    @property
    def confirmed_at(self) -> int | None:
        """`as_of` on our own clock, for comparisons with our own instants: never later than the value was received.

        A source whose clock is ahead must not date a value after a command that was sent later than it was received.
        """
        return None if self.as_of is None else min(self.as_of, self.received_at)


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


_SELECT = "SELECT report, track FROM vehicle_evidence WHERE vehicle_id = ?1"
_SELECT_TO_CHANGE = f"{_SELECT} FOR UPDATE"
_SELECT_EXPECTED = "SELECT track FROM vehicle_evidence WHERE vehicle_id = ?1 FOR UPDATE"
_UPSERT = """
INSERT INTO vehicle_evidence (vehicle_id, report, track, seen_at) VALUES (:vehicle_id, :report, :expected, :seen_at)
ON CONFLICT (vehicle_id) DO UPDATE SET report = excluded.report, track = excluded.track, seen_at = excluded.seen_at
"""
_UPSERT_EXPECTED = """
INSERT INTO vehicle_evidence (vehicle_id, report, track) VALUES (?1, '{}', ?2)
ON CONFLICT (vehicle_id) DO UPDATE SET track = excluded.track
"""
_REPORT = msgspec.json.Decoder(ReportedState)
_TRACK = msgspec.json.Decoder(ExpectedState)


def load(tx: ReadTx, vehicle_id: str) -> Evidence:
    return _evidence(tx.one(_SELECT, vehicle_id))


def load_to_change(tx: ReadTx, vehicle_id: str) -> Evidence:
    """As `load`, and locked until this transaction ends."""
    return _evidence(tx.one(_SELECT_TO_CHANGE, vehicle_id))


def load_expected_to_change(tx: ReadTx, vehicle_id: str) -> ExpectedState:
    """The expected state alone, locked as by `load_to_change`."""
    row = tx.one(_SELECT_EXPECTED, vehicle_id)
    return ExpectedState() if row is None else _TRACK.decode(row[0])


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


def save_expected(tx: Tx, vehicle_id: str, expected: ExpectedState) -> None:
    """Save the expected state; the reported one stays."""
    tx.run(_UPSERT_EXPECTED, vehicle_id, msgspec.json.encode(expected).decode())


def whole_number(value: SignalValue) -> int | None:
    """A count, which JSON may write as 2 or 2.0."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if value == int(value) else None
