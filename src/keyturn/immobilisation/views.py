"""Immobilisation records as operators see them: everything recorded, and the vehicle's state now."""

from typing import Any

from keyturn.clock import iso_time, iso_time_or_none
from keyturn.commands.model import record
from keyturn.fleet import evidence, immobilisation
from keyturn.fleet.evidence import Position
from keyturn.immobilisation import enable_retries
from keyturn.immobilisation.enable_retries import EnableRetry
from keyturn.store.port import ReadTx, Row

JsonObject = dict[str, Any]
"""JSON-ready; instants are RFC 3339 in UTC."""

_OPEN = """
SELECT i.id, i.vehicle_id, v.vin, c.name, a.name, a.connector, coalesce(i.external_id, v.external_id),
       CASE i.held WHEN 1 THEN 'held' ELSE i.state END, i.opened_at, i.confirmed_at,
       i.opened_by, i.actor, i.consent_at, i.consent_reference, i.latitude, i.longitude, i.position_at
FROM immobilisation i
JOIN vehicle v ON v.id = i.vehicle_id
JOIN company c ON c.id = i.company_id
JOIN oem_account a ON a.id = coalesce(i.account_id, v.account_id)
WHERE (i.state <> 'closed' OR i.held = 1)
  AND (CAST(:company_id AS TEXT) IS NULL OR i.company_id = :company_id)
ORDER BY i.opened_at, i.id
"""
_COMMANDS = """
SELECT c.id, c.name, c.state, c.actor, c.sent_at, c.completed_at, a.name, a.connector, c.verdicts IS NOT NULL
FROM immobilisation_command t
JOIN command c ON c.id = t.command_id
JOIN oem_account a ON a.id = c.account_id
WHERE t.immobilisation_id = :immobilisation_id ORDER BY c.sent_at, c.id
"""


def open_records(tx: ReadTx, company_id: str | None) -> list[JsonObject]:
    """Every record of the company, or of all of them, that is open or ``held``: closed by hand while the vehicle may be
    immobilised yet. The oldest first."""
    return [_record_view(tx, row) for row in tx.all(_OPEN, company_id=company_id)]


def enable_retry_view(tx: ReadTx, retry: EnableRetry) -> JsonObject:
    """What an enable retry has done so far."""
    last = record.load(tx, retry.command_id) if retry.command_id else None
    return {
        "since": iso_time(retry.started_at),
        "by": retry.actor,
        "issued": retry.issued,
        "last": retry.command_id,
        "last_state": None if last is None else str(last.state),
    }


def _record_view(tx: ReadTx, row: Row) -> JsonObject:
    record_id, vehicle_id, vin, company, account, connector, external_id, state, *rest = row
    opened_at, confirmed_at, opened_by, actor, consent_at, consent_reference, *place = rest
    known = evidence.load(tx, vehicle_id)
    retry = enable_retries.of_vehicle(tx, vehicle_id)
    return {
        "id": record_id,
        "vin": vin,
        "company": company,
        "account": account,
        "connector": connector,
        "external_id": external_id,
        "state": state,
        "since": iso_time(opened_at),
        "confirmed_at": iso_time_or_none(confirmed_at),
        "opened_by": opened_by,
        "actor": actor,
        **_asked_for(tx, opened_by),
        "consent_at": iso_time_or_none(consent_at),
        "consent_reference": consent_reference,
        "position_then": None if place[2] is None else _position(Position(*place)),
        "last_position": None if known.expected.position is None else _position(known.expected.position),
        "last_contact": iso_time_or_none(known.report.last_contact),
        "commands": [_command_view(row) for row in tx.all(_COMMANDS, immobilisation_id=record_id)],
        "notices": [_notice_view(notice) for notice in immobilisation.notices_of_record(tx, record_id)],
        "keep_enabling": None if retry is None else enable_retry_view(tx, retry),
    }


def _asked_for(tx: ReadTx, command_id: str) -> JsonObject:
    """Reason and case number of the disable."""
    command = record.load(tx, command_id)
    return {"reason": command.reason if command else None, "case": command.case_number if command else None}


def _command_view(row: Row) -> JsonObject:
    command_id, name, state, actor, sent_at, completed_at, account, connector, judged = row
    return {
        "id": command_id,
        "command": name,
        "state": state,
        "actor": actor,
        "sent_at": iso_time_or_none(sent_at),
        "completed_at": iso_time_or_none(completed_at),
        "account": account,
        "connector": connector,
        "evidence_kept": bool(judged),
    }


def _notice_view(notice: immobilisation.Notice) -> JsonObject:
    return {"channel": notice.channel, "at": iso_time(notice.at), "text": notice.text, "actor": notice.actor}


def _position(position: Position) -> JsonObject:
    return {"latitude": position.latitude, "longitude": position.longitude, "at": iso_time(position.at)}
