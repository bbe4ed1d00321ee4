"""Times of state reports: on the store's clock; and pushed reports, late or repeated, ordered by the source's times."""

import msgspec

from keyturn.config.settings import EvidenceSettings
from keyturn.connectors.responses import StateReport
from keyturn.fleet import evidence
from keyturn.fleet.evidence import Evidence, ReportedState


def merge_pushed(
    known: Evidence, incoming: StateReport, received_at: int, source: str, rules: EvidenceSettings
) -> Evidence:
    """`known` after a pushed report: as `evidence.merge_report`, except that values without a time change nothing.

    Whether the vehicle is reachable counts with a newer contact than the one that is known, from that contact on; that
    it is not, also with the same one, since a vehicle is lost after its last contact and not before it.
    """
    merged = evidence.merge_report(known, _without_undated(incoming), received_at, source, rules)
    return Evidence(_in_order(merged.report, known.report, incoming, received_at), merged.expected)


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


def on_store_clock(incoming: StateReport, ahead: int) -> StateReport:
    """The report with its instants on the store's clock, which is `ahead` microseconds before the wall clock."""
    readings = {
        name: msgspec.structs.replace(
            reading, observed_at=_shifted(reading.observed_at, ahead), as_of=_shifted(reading.as_of, ahead)
        )
        for name, reading in incoming.readings.items()
    }
    return msgspec.structs.replace(incoming, readings=readings, last_contact=_shifted(incoming.last_contact, ahead))


def _shifted(instant: int | None, ahead: int) -> int | None:
    return None if instant is None else instant + ahead
