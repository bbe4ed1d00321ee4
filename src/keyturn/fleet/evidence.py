"""What is known of a vehicle: its newest reading of each signal, and our own record of what our commands did.

Both are one row, so that a judgement reads one consistent picture.
"""

import msgspec

from keyturn.connectors.port import Reading, StateReport
from keyturn.store.port import ReadTx, Row, Tx

SignalValue = bool | int | float | str | None


class Signal(msgspec.Struct, frozen=True, omit_defaults=True):
    """A value and where it came from. `as_of` is when the source last vouched for it; all instants."""

    value: SignalValue
    observed_at: int
    as_of: int | None
    received_at: int
    source: str


class Report(msgspec.Struct, frozen=True, omit_defaults=True):
    """The newest reading of each signal."""

    signals: dict[str, Signal] = {}
    reachable: bool | None = None
    reachable_at: int = 0
    """When the connector said so."""
    last_contact: int | None = None

    def value(self, name: str) -> SignalValue:
        """The newest value, whatever its age."""
        signal = self.signals.get(name)
        return signal.value if signal else None


class Track(msgspec.Struct, frozen=True, omit_defaults=True):
    """Our own record. It can make a verdict `met` or `unknown`, and never `contradicted`, the start count aside."""

    actuated_at: int = 0
    """Sending of our last actuating command."""
    changed_at: dict[str, int] = {}
    """Per signal: completion, else sending, of our last command that can change it."""
    ignition_disabled: bool = False
    remote_start_active: bool = False
    alert_active_until: int = 0
    consecutive_starts: int = 0
    started_at: int = 0
    """Completion of our last executed start."""
    enabled_at: int = 0
    """Completion of our last executed enable_ignition."""


class Evidence(msgspec.Struct, frozen=True):
    report: Report = Report()
    track: Track = Track()


_SELECT = "SELECT report, track FROM vehicle_evidence WHERE vehicle_id = :vehicle_id"
_SELECT_TO_CHANGE = f"{_SELECT} FOR UPDATE"
_UPSERT = """
INSERT INTO vehicle_evidence (vehicle_id, report, track) VALUES (:vehicle_id, :report, :track)
ON CONFLICT (vehicle_id) DO UPDATE SET report = excluded.report, track = excluded.track
"""
_REPORT = msgspec.json.Decoder(Report)
_TRACK = msgspec.json.Decoder(Track)


def load(tx: ReadTx, vehicle_id: str) -> Evidence:
    return _evidence(tx.one(_SELECT, vehicle_id=vehicle_id))


def load_to_change(tx: ReadTx, vehicle_id: str) -> Evidence:
    """As `load`, and nobody else changes it until this transaction ends."""
    return _evidence(tx.one(_SELECT_TO_CHANGE, vehicle_id=vehicle_id))


def _evidence(row: Row | None) -> Evidence:
    if row is None:
        return Evidence()
    report, track = row
    return Evidence(_REPORT.decode(report), _TRACK.decode(track))


def save(tx: Tx, vehicle_id: str, evidence: Evidence) -> None:
    encode = msgspec.json.encode
    tx.run(
        _UPSERT,
        vehicle_id=vehicle_id,
        report=encode(evidence.report).decode(),
        track=encode(evidence.track).decode(),
    )


def absorb(evidence: Evidence, heard: StateReport, received_at: int, source: str) -> Evidence:
    """`evidence` after a report. A signal moves only to a value vouched for later; nothing is averaged."""
    known = evidence.report
    signals = dict(known.signals)
    for name, reading in heard.readings.items():
        signals[name] = _newer(signals.get(name), _signal(reading, heard, signals.get(name), received_at, source))
    contacts = [at for at in (known.last_contact, heard.last_contact) if at is not None]
    report = Report(
        signals,
        reachable=heard.reachable,
        reachable_at=received_at,
        last_contact=max(contacts, default=None),
    )
    return Evidence(report, _counted(evidence.track, report, heard))


def _signal(reading: Reading, heard: StateReport, known: Signal | None, received_at: int, source: str) -> Signal:
    as_of = next((at for at in (reading.as_of, reading.observed_at, heard.last_contact) if at is not None), None)
    unbroken = known is not None and known.value == reading.value
    first_seen = known.observed_at if known is not None and unbroken else received_at
    observed_at = first_seen if reading.observed_at is None else reading.observed_at
    return Signal(reading.value, observed_at, as_of, received_at, source)


def _newer(known: Signal | None, heard: Signal) -> Signal:
    if known is None or known.as_of is None or (heard.as_of is not None and heard.as_of >= known.as_of):
        return heard
    return known


def _counted(track: Track, report: Report, heard: StateReport) -> Track:
    """The start count after a report: a physical start, or a newer count of the vehicle's own, resets ours."""
    count = report.signals.get("consecutive_remote_starts")
    said = heard.readings.get("consecutive_remote_starts")
    if said is not None and count is not None and _later(count, track.started_at) and isinstance(count.value, int):
        return msgspec.structs.replace(track, consecutive_starts=count.value)
    mode = report.signals.get("ignition_status")
    by_hand = mode is not None and mode.value == "ignition on" and _later(mode, track.started_at)
    if by_hand and not track.remote_start_active:
        return msgspec.structs.replace(track, consecutive_starts=0)
    return track


def _later(signal: Signal, instant: int) -> bool:
    return signal.as_of is not None and signal.as_of > instant
