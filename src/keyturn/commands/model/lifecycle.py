"""The only writer of a command's state.

Every transition is one fenced update with its audit entry and its row in `open_command`, in one transaction. A lost
race is a return value: None.
"""

from functools import lru_cache
from typing import Any

import msgspec

from keyturn.audit import journal
from keyturn.bus.topics import COMMAND_CHANGED, COMMAND_DUE, COMMAND_FINAL, VEHICLE_HAS_WORK, CommandId, VehicleId
from keyturn.clock import after
from keyturn.commands.model import messages
from keyturn.commands.model.record import COLUMNS, Command
from keyturn.commands.model.states import LIVE, STATUS, TRANSITIONS, WITH_OEM, State, Status
from keyturn.store.port import Tx

ENGINE = "engine"
EMPTY_DETAIL = "{}"
_NOTES = ("contradicted", "unverified", "found", "held_back")
"""Kinds of events that change no state."""
_VERIFY_FOR = 86_400.0
"""Seconds after which an executed command leaves `open_command` even if the engine never got to verify it."""

_PLACES = ", ".join(f"?{place}" for place, _ in enumerate(COLUMNS, 1))
_INSERT = f"INSERT INTO command ({', '.join(COLUMNS)}) VALUES ({_PLACES})"  # noqa: S608 - our own columns
_INSERT_OPEN = """
INSERT INTO open_command (command_id, vehicle_id, name, state, lane_number, segment, lane_slot, wake_at)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
"""
_UPDATE_OPEN = """
UPDATE open_command
SET state = ?2, wake_at = ?3, lane_number = ?4, lane_slot = CASE WHEN ?5 = 1 THEN coalesce(?6, lane_slot) END
WHERE command_id = ?1
"""
_WAKE = "UPDATE open_command SET wake_at = :wake_at WHERE command_id = :command_id"
_STOP_COALESCING = "UPDATE open_command SET segment = NULL WHERE command_id = :command_id"
_DELETE_OPEN = "DELETE FROM open_command WHERE command_id = ?1"
_OTHERS_OPEN = "SELECT 1 FROM open_command WHERE vehicle_id = ?1 AND command_id <> ?2 LIMIT 1"


class Intent(msgspec.Struct, frozen=True):
    """What it takes to move a command from Queued to Dispatching."""

    columns: dict[str, Any]
    lane_slot: int | None
    extra: dict[str, object]
    """For the audit entry."""


class NotATransition(AssertionError):
    """A defect: the table of transitions does not have this one."""


def register(tx: Tx, command: Command, *, segment: int | None = None, due: bool = False) -> Command:
    """Write a new command. In the coalescing group `segment`, requests may coalesce with a live one.

    `due`: it is Queued, and nothing of its vehicle is ahead of it.
    """
    _insert(tx, command)
    if command.state in LIVE:
        _open(tx, command, segment)
    _record_event(tx, command, "registered", command.actor, _caller_context(command))
    if due:
        tx.announce(COMMAND_DUE, CommandId(command.id), command)
    return command


def register_dispatching(tx: Tx, queued: Command, segment: int, intent: Intent) -> Command:
    """Write a new command with its intent: all that `register` of `queued` and a `move` to Dispatching leave."""
    command = msgspec.structs.replace(queued, state=State.DISPATCHING, fence=queued.fence + 1, **intent.columns)
    _insert(tx, command)
    _open(tx, command, segment, intent.lane_slot)
    _record_event(tx, queued, "registered", command.actor, _caller_context(command))
    extra = {"from": str(queued.state), **intent.extra}
    _record_event(tx, command, str(command.state), ENGINE, extra)
    return command


def move(
    tx: Tx,
    command: Command,
    to: State,
    *,
    actor: str = ENGINE,
    detail: str | dict[str, Any] | None = None,
    segment: int | None = None,
    lane_slot: int | None = None,
    extra: dict[str, object] | None = None,
    **changes: Any,
) -> Command | None:
    """Take `command` to state `to`, if it is still as it was read.

    `detail` is the public one (None: empty; Verified keeps that of Executed). `changes` are further columns.
    `lane_slot` is taken with the intent and kept until the OEM is done. `extra` goes into the audit entry.
    Returns the new record, or None when another transaction was faster.
    """
    if to not in TRANSITIONS[command.state]:
        raise NotATransition(f"{command.state} -> {to}")
    public = {} if to is State.VERIFIED else _public_columns(tx, command, STATUS[to], detail)
    moved = _write(tx, command, state=to, **public, **changes)
    if moved is None:
        return None
    _keep_open(tx, command, moved, segment, lane_slot)
    context = _caller_context(moved) if command.state is State.CONFIRMING else {}
    _record_event(tx, moved, str(to), actor, {"from": str(command.state), **context, **(extra or {})})
    if to is not State.DISPATCHING:
        _announce_turn(tx, moved)
    return moved


def expose_as_error(tx: Tx, command: Command) -> Command | None:
    """Show an Unknown command as `Error`; a later answer may still turn it into `Success`."""
    if command.state is not State.UNKNOWN:
        raise NotATransition(f"expose_as_error of {command.state}")
    exposed = _write(tx, command, **_public_columns(tx, command, Status.ERROR, unknown_detail(command)))
    if exposed is not None:
        _record_event(tx, exposed, "revealed", ENGINE, {})
    return exposed


def record_response(tx: Tx, command: Command, http_status: int, detail: str | None = None) -> Command | None:
    """Record the POST's answer; the state stays."""
    return _write(tx, command, post_code=http_status, post_detail=detail)


def record_note(
    tx: Tx, command: Command, kind: str, extra: dict[str, object] | None = None, **changes: Any
) -> Command | None:
    """Record an event that does not change the state, with further columns; `extra` is by default those `changes`."""
    noted = _write(tx, command, **changes)
    if noted is not None:
        _record_event(tx, noted, kind, ENGINE, changes if extra is None else extra)
        _announce_turn(tx, noted)
    return noted


def stop_coalescing(tx: Tx, command_id: str) -> None:
    """Stop coalescing new requests into this command."""
    tx.run(_STOP_COALESCING, command_id=command_id)


def close(tx: Tx, command_id: str) -> None:
    """Remove the command from the open ones: the engine has no more work with it."""
    tx.run(_DELETE_OPEN, command_id)


def wake(tx: Tx, command: Command, wake_at: int) -> None:
    """Set the next deadline of this open command."""
    tx.run(_WAKE, wake_at=wake_at, command_id=command.id)


def unknown_detail(command: Command) -> str:
    """The public detail of an Unknown command once it is shown as `Error`."""
    if command.outcome == "no_operation":
        return messages.NO_OPERATION if command.spec.is_read else messages.NO_OPERATION_MAY_HAVE_EXECUTED
    return messages.NO_ANSWER if command.spec.is_read else messages.OUTCOME_UNKNOWN


def deadline(command: Command) -> int:
    """Until when the command may stay in its state, in microseconds."""
    bounds = {
        State.AWAITING_APPROVAL: command.approve_by,
        State.QUEUED: command.send_deadline,
        State.DISPATCHING: command.send_by,
        State.ACCEPTED: command.answer_deadline,
        State.UNKNOWN: command.answer_deadline,
        State.EXECUTED: after(command.updated_at, _VERIFY_FOR),
    }
    return bounds.get(command.state) or command.updated_at


def _caller_context(command: Command) -> dict[str, object]:
    """The caller's reason and case number, as members of the audit entry."""
    given = {"reason": command.reason, "case": command.case_number}
    return {name: value for name, value in given.items() if value is not None}


def _public_columns(tx: Tx, command: Command, status: Status, detail: str | dict[str, Any] | None) -> dict[str, Any]:
    shown = EMPTY_DETAIL if detail is None else msgspec.json.encode(detail).decode()
    if (status, shown) == (command.status, command.detail):
        return {}
    return {"status": status, "detail": shown, "updated_at": tx.now}


def _write(tx: Tx, command: Command, **changes: Any) -> Command | None:
    changes["fence"] = command.fence + 1
    changed = tx.run(_update(tuple(changes)), command.id, command.fence, *changes.values())
    return msgspec.structs.replace(command, **changes) if changed else None


def _insert(tx: Tx, command: Command) -> None:
    tx.run(_INSERT, *msgspec.structs.astuple(command))


@lru_cache(maxsize=256)
def _update(columns: tuple[str, ...]) -> str:
    assignments = ", ".join(f"{column} = ?{place}" for place, column in enumerate(columns, 3))
    return f"UPDATE command SET {assignments} WHERE id = ?1 AND fence = ?2"  # noqa: S608 - our own columns


def _open(tx: Tx, command: Command, segment: int | None, lane_slot: int | None = None) -> None:
    number, wake_at = command.lane_number, deadline(command)
    tx.run(
        _INSERT_OPEN, command.id, command.vehicle_id, command.name, command.state, number, segment, lane_slot, wake_at
    )


def _keep_open(tx: Tx, before: Command, after: Command, segment: int | None, lane_slot: int | None) -> None:
    if not stays_open(after):
        close(tx, after.id)
    elif before.state is State.CONFIRMING:
        _open(tx, after, segment)
    else:
        with_oem = int(after.state in WITH_OEM)
        tx.run(_UPDATE_OPEN, after.id, after.state, deadline(after), after.lane_number, with_oem, lane_slot)
        if after.state is State.EXECUTED or (after.state is State.UNKNOWN and after.spec.is_restoring):
            stop_coalescing(tx, after.id)


def _announce_turn(tx: Tx, command: Command) -> None:
    """This change may make it the turn of the command, or of another one of the vehicle."""
    if command.state is State.QUEUED or tx.one(_OTHERS_OPEN, command.vehicle_id, command.id) is not None:
        tx.announce(VEHICLE_HAS_WORK, VehicleId(command.vehicle_id))


def stays_open(command: Command) -> bool:
    """Whether a command that has just come into this state is open: the engine has work with it."""
    if command.state is State.EXECUTED:
        return command.spec.verified_by is not None and command.verification is None
    return command.state in LIVE


def _record_event(tx: Tx, command: Command, kind: str, actor: str, extra: dict[str, object]) -> None:
    body = {"status": command.status, **extra}
    journal.append(tx, f"command.{kind}", command.company_id, actor, command.vehicle_id, command.id, body)
    if kind not in _NOTES and command.status in (Status.SUCCESS, Status.ERROR):
        tx.announce(COMMAND_FINAL, CommandId(command.id), command)
    tx.announce(COMMAND_CHANGED, CommandId(command.id), command)


CONFLICT = 409


def response_columns(command: Command, http_status: int = 200, detail: str | None = None) -> dict[str, Any]:
    """The columns that answer the POST, if it is still held."""
    return {} if command.post_code is not None else {"post_code": http_status, "post_detail": detail}


def response_columns_if_later(command: Command, next_try: int) -> dict[str, Any]:
    """Answer the POST `200 Pending` now where it will not be held until the next try; the command goes on."""
    return response_columns(command) if next_try >= (command.post_until or 0) else {}
