"""The newest failed exchange with an OEM: of a command's follow-up questions, and of a vehicle's state reads.

It is a column and not an audit entry: a question that is repeated every few seconds would fill the audit log. An
exchange that a transition rests on is in the transition's own entry.
"""

from typing import Any

import msgspec

from keyturn.clock import iso_time
from keyturn.connectors.responses import LoggedRequest
from keyturn.fleet import evidence, reports
from keyturn.fleet.evidence import Unread
from keyturn.store.port import ReadTx, Tx

SILENT = "oem.silent"
"""Kind of the timeline's events for failed exchanges."""

_KEEP = "UPDATE command SET unanswered = :unanswered WHERE id = :id"
_QUESTION = "SELECT unanswered FROM command WHERE id = :id"
_COMMAND = """
SELECT c.unanswered, c.vehicle_id, c.created_at, c.updated_at, o.command_id
FROM command c LEFT JOIN open_command o ON o.command_id = c.id WHERE c.id = :id
"""
_EXCHANGE = msgspec.json.Decoder(LoggedRequest)


def save_question(tx: Tx, command_id: str, exchange: LoggedRequest | None) -> None:
    """Keep the newest question's exchange, where it failed; None: it succeeded."""
    unanswered = None if exchange is None else msgspec.json.encode(exchange).decode()
    tx.run(_KEEP, unanswered=unanswered, id=command_id)


def load_question(tx: ReadTx, command_id: str) -> LoggedRequest | None:
    row = tx.one(_QUESTION, id=command_id)
    return _EXCHANGE.decode(row[0]) if row and row[0] else None


def save_failed_read(tx: Tx, vehicle_id: str, exchange: LoggedRequest) -> None:
    """Keep the exchange of the vehicle's newest state read, which failed."""
    known = evidence.load_to_change(tx, vehicle_id)
    evidence.save(tx, vehicle_id, reports.with_failed_read(known, exchange, tx.now))


def events(tx: ReadTx, command_id: str) -> list[dict[str, Any]]:
    """Failed exchanges for the command's timeline, oldest first: about it, and about its vehicle while it was open."""
    row = tx.one(_COMMAND, id=command_id)
    if row is None:
        return []
    question, vehicle_id, since, until, is_open = row
    unread = evidence.load(tx, vehicle_id).report.unread
    found = [("question", _EXCHANGE.decode(question))] if question else []
    if unread is not None and unread.at >= since and (is_open or unread.at <= until):
        found.append(("state", unread.exchange))
    return [_event(about, exchange) for about, exchange in sorted(found, key=lambda each: each[1].at)]


def cause(exchange: LoggedRequest | None, otherwise: str) -> str:
    """The cause of a failed exchange: the OEM where it responded, reachability where it did not."""
    if exchange is None:
        return otherwise
    return "reachability" if exchange.status is None else "oem"


def why(unread: Unread) -> str:
    """For a precondition result's `why`, without a full stop."""
    size = "" if unread.exchange.size is None else f", {unread.exchange.size} bytes"
    status = "no status" if unread.exchange.status is None else f"status {unread.exchange.status}"
    return f"the last state read brought nothing: {unread.exchange.problem} ({status}{size})"


def _event(about: str, exchange: LoggedRequest) -> dict[str, Any]:
    members = {"about": about, "exchange": msgspec.to_builtins(exchange)}
    return {"at": iso_time(exchange.at), "kind": SILENT, "actor": "engine", **members}
