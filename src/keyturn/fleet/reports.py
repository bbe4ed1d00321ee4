"""Merges state reports into a vehicle's evidence: reports that were asked for, and pushed ones, late or repeated."""

import msgspec

from keyturn.clock import after, seconds_between
from keyturn.config.settings import EvidenceSettings
from keyturn.connectors.responses import LoggedRequest, SignalReading, StateReport
from keyturn.fleet.evidence import (
    Evidence,
    ExpectedState,
    ReportedState,
    Signal,
    SignalValue,
    Unread,
    newest_position,
    whole_number,
)

_ON = ("on", "ignition on")


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


def merge_pushed(
    known: Evidence, incoming: StateReport, received_at: int, source: str, rules: EvidenceSettings
) -> Evidence:
    """`known` after a pushed report: as `merge_report`, except that values without a time change nothing.

    Whether the vehicle is reachable counts with a newer contact than the one that is known, from that contact on; that
    it is not, also with the same one, since a vehicle is lost after its last contact and not before it.
    """
    merged = merge_report(known, _without_undated(incoming), received_at, source, rules)
    return Evidence(_in_order(merged.report, known.report, incoming, received_at), merged.expected)


def with_failed_read(evidence: Evidence, exchange: LoggedRequest, at: int) -> Evidence:
    """`evidence` after a state read that gave no report: known values stay, and age."""
    return Evidence(msgspec.structs.replace(evidence.report, unread=Unread(at, exchange)), evidence.expected)


def on_store_clock(incoming: StateReport, ahead: int) -> StateReport:
    """The report with its instants on the store's clock, which is `ahead` microseconds before the wall clock."""
    readings = {
        name: msgspec.structs.replace(
            reading, observed_at=_shifted(reading.observed_at, ahead), as_of=_shifted(reading.as_of, ahead)
        )
        for name, reading in incoming.readings.items()
    }
    return msgspec.structs.replace(incoming, readings=readings, last_contact=_shifted(incoming.last_contact, ahead))


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


def _reports(report: ReportedState, expected: ExpectedState, name: str, value: SignalValue) -> bool:
    """The newest report has this value, as of a time after our last command that can change it."""
    signal = report.signals.get(name)
    return signal is not None and signal.value == value and _later(signal, expected.changed_at.get(name, 0))


def _later(signal: Signal, instant: int) -> bool:
    return signal.confirmed_at is not None and signal.confirmed_at > instant


def _without_undated(incoming: StateReport) -> StateReport:
    """The report without the readings that have no time."""
    if incoming.last_contact is not None:
        return incoming
    dated = {
        name: reading
        for name, reading in incoming.readings.items()
        if reading.as_of is not None or reading.observed_at is not None
    }
    return msgspec.structs.replace(incoming, readings=dated)


def _in_order(report: ReportedState, known: ReportedState, incoming: StateReport, received_at: int) -> ReportedState:
    contact = incoming.last_contact
    is_newest = contact is not None and contact == report.last_contact
    if contact is not None and is_newest and (contact != known.last_contact or incoming.reachable is False):
        return msgspec.structs.replace(report, reachable_at=min(contact, received_at), unread=known.unread)
    return msgspec.structs.replace(
        report,
        reachable=known.reachable,
        reachable_at=known.reachable_at,
        last_contact_why=known.last_contact_why,
        unread=known.unread,
    )


def _shifted(instant: int | None, ahead: int) -> int | None:
    return None if instant is None else instant + ahead
