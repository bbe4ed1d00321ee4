"""The full record of a command with its timeline: every transition, its evidence, and the exchanges with the OEM."""

from typing import Any

import msgspec

from keyturn.admin.guards import reads
from keyturn.admin.operation import Answer, Arguments, Operation, Session
from keyturn.audit.kinds import current
from keyturn.clock import iso_time, iso_time_or_none
from keyturn.commands.model import record, unanswered
from keyturn.commands.model.record import Command
from keyturn.commands.model.states import State, Status
from keyturn.errors import OperationError
from keyturn.store.port import ReadTx

_INSTANTS = (
    "created_at", "updated_at", "redeemed_at", "not_before", "send_deadline", "send_by", "sent_at", "answer_deadline",
    "completed_at", "approve_by",
)  # fmt: skip
_PLAIN = (
    "external_id",
    "id", "vin", "state", "status", "outcome", "cause", "may_have_executed", "verification", "actor", "attempts",
    "reason", "case_number", "approved_by", "supersedes",
)  # fmt: skip
_DOCUMENTS = ("detail", "verdicts")
_SENT = "SELECT count(*) FROM entry WHERE command_id = :command_id AND kind = 'command.Dispatching'"
_TIMELINE = "SELECT at, kind, actor, body FROM entry WHERE command_id = :command_id ORDER BY seq"


class ShowCommand(Arguments, frozen=True):
    command: str
    """Id."""


def show(session: Session, arguments: ShowCommand) -> Answer:
    command = record.load(session.tx, arguments.command.lower())
    if command is None:
        raise OperationError("command_not_found", f"There is no command '{arguments.command}'.")
    return {**full_record(session.tx, command), "timeline": timeline(session.tx, command.id)}


def full_record(tx: ReadTx, command: Command) -> dict[str, Any]:
    """The native record, with `attempts` as the number of sendings."""
    row = tx.one(_SENT, command_id=command.id)
    return native_record(command) | {"attempts": int(row[0]) if row else 0}


def native_record(command: Command) -> dict[str, Any]:
    """Every column for operators, JSON-ready; instants are RFC 3339 in UTC."""
    native = {name: getattr(command, name) for name in _PLAIN}
    documents = {name: _decoded(getattr(command, name)) for name in _DOCUMENTS}
    instants = {name: iso_time_or_none(getattr(command, name)) for name in _INSTANTS}
    return {**native, "command": command.name, "safe_to_retry": safe_to_retry(command), **documents, **instants}


def safe_to_retry(command: Command) -> bool:
    """A new request cannot make it happen twice: this one was certainly not done, or it only reads."""
    if command.spec.is_read:
        return command.status is not Status.PENDING
    return command.status is Status.ERROR and command.state is not State.UNKNOWN


def timeline(tx: ReadTx, command_id: str) -> list[dict[str, Any]]:
    """Every transition and exchange with the OEM, and the newest exchange that gave no answer; oldest first."""
    entries = [
        {"at": iso_time(at), "kind": current(kind), "actor": actor, **msgspec.json.decode(body)}
        for at, kind, actor, body in tx.all(_TIMELINE, command_id=command_id)
    ]
    return sorted([*entries, *unanswered.events(tx, command_id)], key=lambda event: str(event["at"]))


def _decoded(document: str | None) -> Any:
    return None if document is None else msgspec.json.decode(document)


OPERATIONS = (Operation("command show", ShowCommand, show, guard=reads(), cli_command="status"),)
