"""What an OEM's answer does to a command: two axes in, one fenced transition out.

Whether it may have happened decides between Unknown and the certain final states; whether the failure is temporary
decides between another try and Failed.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from keyturn.clock import after, contract_time
from keyturn.commands.execution import effects
from keyturn.commands.model import lifecycle, messages, record
from keyturn.commands.model.lifecycle import CONFLICT, response_columns, response_columns_if_later
from keyturn.commands.model.record import Command
from keyturn.commands.model.states import State
from keyturn.commands.preconditions import table
from keyturn.commands.preconditions.context import reported_as
from keyturn.connectors.port import Capabilities
from keyturn.connectors.responses import OemResponse, Operation, OutcomeKind
from keyturn.fleet.evidence import Evidence
from keyturn.store.port import Tx

BAD_GATEWAY = 502
_BACKOFF = (0.5, 1.0, 2.0, 4.0)
"""Seconds before the next try of what cannot have happened; the last one repeats."""


def apply(tx: Tx, command_id: str, answer: OemResponse, capabilities: Capabilities) -> Command | None:
    """Record an answer to a status request or a look-up. None: it changes nothing, or came too late."""
    command = record.load_to_change(tx, command_id)
    return None if command is None else _apply(tx, command, answer, capabilities)


def apply_to_operation(
    tx: Tx, account_id: str, operation: Operation, answer: OemResponse, capabilities: Capabilities
) -> tuple[str, ...]:
    """Record a pushed result of an operation, as `apply` records an answer.

    Returns the ids of the commands that have this operation. Where there are several, none is changed: the OEM is to be
    asked about each.
    """
    followed = record.followed_with(tx, account_id, operation)
    if len(followed) == 1:
        apply(tx, followed[0].id, answer, capabilities)
    return tuple(command.id for command in followed)


def apply_to_sending(tx: Tx, sent: Command, answer: OemResponse, capabilities: Capabilities) -> Command | None:
    """Record the answer to one sending, `sent` being its intent; it changes nothing of a later sending of the command.

    So it is safe to write it again where the outcome of the first write is not known. The row is read only where it was
    changed since the intent.
    """
    if (moved := _apply(tx, sent, answer, capabilities)) is not None:
        return moved
    command = record.load_to_change(tx, sent.id)
    if command is None or _sending(command) != _sending(sent):
        return None
    return _apply(tx, command, answer, capabilities)


def _sending(command: Command) -> tuple[object, ...]:
    return command.attempts, command.sent_at, command.send_by


def _apply(tx: Tx, command: Command, answer: OemResponse, capabilities: Capabilities) -> Command | None:
    if answer.completed_at is not None and tx.moment.ahead:
        answer = msgspec.structs.replace(answer, completed_at=answer.completed_at + tx.moment.ahead)
    handle = _HANDLERS.get((command.state, answer.kind))
    return handle(tx, command, answer, capabilities) if handle else None


def resolvable(command: Command, capabilities: Capabilities) -> bool:
    """Whether an Unknown command can be resolved: an OEM to ask, or a signal whose change would prove it."""
    return command.operation is not None or capabilities.finds_by_reference or readable(command, capabilities)


def readable(command: Command, capabilities: Capabilities) -> bool:
    """Whether a changed reading could show that the vehicle did it."""
    wanted = command.spec.verified_by
    if wanted is None or not capabilities.reads_state or command.known_before is None:
        return False
    return bool(msgspec.json.decode(command.known_before) != wanted.value)


def executed_by_reading(tx: Tx, command_id: str, known: Evidence, capabilities: Capabilities) -> Command | None:
    """Unknown becomes Executed by a changed value with a time after the sending; never Failed.

    A change that a later command of ours may have made proves nothing about this one.
    """
    command = record.load_to_change(tx, command_id)
    if command is None or command.state is not State.UNKNOWN or not readable(command, capabilities):
        return None
    wanted = command.spec.verified_by
    signal = reported_as(known, wanted, newer_than=command.sent_at or 0) if wanted else None
    if signal is None or wanted is None or known.expected.changed_at.get(wanted.signal) != command.sent_at:
        return None
    answer = OemResponse(OutcomeKind.SUCCEEDED, completed_at=signal.observed_at)
    return _executed(tx, command, answer, capabilities)


def unknown(tx: Tx, command: Command, outcome: str, capabilities: Capabilities, **changes: Any) -> Command | None:
    """It may have happened. Shown as Error at once where the POST was answered with 502 or nothing can resolve it."""
    columns = {"outcome": outcome, "cause": "oem", "may_have_executed": True, **changes}
    moved = lifecycle.move(tx, command, State.UNKNOWN, **columns)
    if moved is not None and (moved.post_code == BAD_GATEWAY or not resolvable(moved, capabilities)):
        return lifecycle.expose_as_error(tx, moved)
    return moved


def _accepted(tx: Tx, command: Command, answer: OemResponse, _capabilities: Capabilities) -> Command | None:
    extra = _audit_members(answer)
    return lifecycle.move(
        tx, command, State.ACCEPTED, extra=extra, operation=_operation(answer), **response_columns(command)
    )


def _executed(tx: Tx, command: Command, answer: OemResponse, capabilities: Capabilities) -> Command | None:
    timed = msgspec.structs.replace(command, completed_at=answer.completed_at)
    at = effects.executed_at(timed, tx.now)
    moved = lifecycle.move(
        tx,
        command,
        State.EXECUTED,
        detail={"date_time": contract_time(at), **answer.data},
        extra=_audit_members(answer),
        completed_at=at,
        outcome="already_done" if answer.already_done else "succeeded",
        cause=None,
        may_have_executed=True,
        verification=None if command.spec.verified_by is None or capabilities.reads_state else "not_possible",
        **response_columns(command),
    )
    if moved is not None:
        effects.on_executed(tx, moved, answer.completed_at)
    return moved


def _failed(tx: Tx, command: Command, answer: OemResponse, _capabilities: Capabilities) -> Command | None:
    detail = answer.detail or _refusal_text(answer) or messages.VEHICLE_FAILURE
    changes = {
        "outcome": "failed",
        "cause": "vehicle_state" if answer.preconditions else "oem",
        **response_columns(command),
    }
    return _not_done(tx, command, State.FAILED, detail, answer, changes)


def _refused(tx: Tx, command: Command, answer: OemResponse, _capabilities: Capabilities) -> Command | None:
    text = _refusal_text(answer) or messages.VEHICLE_FAILURE
    changes = {"outcome": "refused", "cause": "vehicle_state", **response_columns(command, CONFLICT, text)}
    return _not_done(tx, command, State.REFUSED, text, answer, changes)


def _not_taken(tx: Tx, command: Command, answer: OemResponse, _capabilities: Capabilities) -> Command | None:
    again_at = after(tx.now, max(_backoff(command.attempts), answer.retry_after or 0.0))
    if answer.temporary and again_at < (command.send_deadline or 0):
        retry = {
            "attempts": command.attempts + 1,
            "not_before": again_at,
            "answer_deadline": None,
            "send_by": None,
            "cause": "oem",
            **response_columns_if_later(command, again_at),
        }
        return _not_done(tx, command, State.QUEUED, None, answer, retry, not_before=again_at)
    failure, extra = messages.NOT_SENT_TO_OEM, {"not_before": again_at} if answer.temporary else {}
    changes: dict[str, Any] = {
        "outcome": "not_taken",
        "cause": "oem",
        **response_columns(command, BAD_GATEWAY, failure),
    }
    return _not_done(tx, command, State.FAILED, failure, answer, changes, **extra)


def _no_operation(tx: Tx, command: Command, answer: OemResponse, capabilities: Capabilities) -> Command | None:
    extra = _audit_members(answer)
    return unknown(
        tx,
        command,
        "no_operation",
        capabilities,
        extra=extra,
        **response_columns(command, BAD_GATEWAY, messages.NO_OPERATION),
    )


def _unclear(tx: Tx, command: Command, answer: OemResponse, capabilities: Capabilities) -> Command | None:
    return unknown(tx, command, "unclear", capabilities, extra=_audit_members(answer), **response_columns(command))


def _found(tx: Tx, command: Command, answer: OemResponse, _capabilities: Capabilities) -> Command | None:
    """The operation of an Unknown command was found: the OEM is asked about it from now on."""
    if command.operation is not None or answer.operation is None:
        return None
    return lifecycle.record_note(tx, command, "found", operation=_operation(answer))


Handler = Callable[[Tx, Command, OemResponse, Capabilities], Command | None]
_D, _A, _U, _V = State.DISPATCHING, State.ACCEPTED, State.UNKNOWN, OutcomeKind

_HANDLERS: dict[tuple[State, OutcomeKind], Handler] = {
    (_D, _V.IN_PROGRESS): _accepted,
    (_D, _V.SUCCEEDED): _executed,
    (_D, _V.FAILED): _failed,
    (_D, _V.REFUSED): _refused,
    (_D, _V.NOT_TAKEN): _not_taken,
    (_D, _V.NO_OPERATION): _no_operation,
    (_D, _V.UNCLEAR): _unclear,
    (_A, _V.SUCCEEDED): _executed,
    (_A, _V.FAILED): _failed,
    (_A, _V.REFUSED): _refused,
    (_U, _V.SUCCEEDED): _executed,
    (_U, _V.FAILED): _failed,
    (_U, _V.REFUSED): _failed,
    (_U, _V.IN_PROGRESS): _found,
}
"""What each answer means in each state; every other pair changes nothing."""


def _not_done(
    tx: Tx,
    command: Command,
    to: State,
    detail: str | None,
    answer: OemResponse,
    changes: dict[str, Any],
    **extra: object,
) -> Command | None:
    """`told` is what the audit entry says besides."""
    columns = {"may_have_executed": False, **changes}
    moved = lifecycle.move(tx, command, to, detail=detail, extra={**_audit_members(answer), **extra}, **columns)
    if moved is not None:
        effects.on_not_done(tx, moved)
    return moved


def _backoff(attempts: int) -> float:
    return _BACKOFF[min(attempts, len(_BACKOFF) - 1)]


def _refusal_text(answer: OemResponse) -> str | None:
    return table.precondition_not_met(answer.preconditions) if answer.preconditions else None


def _operation(answer: OemResponse) -> str | None:
    return None if answer.operation is None else msgspec.json.encode(answer.operation).decode()


def _audit_members(answer: OemResponse) -> dict[str, object]:
    """Members of the audit entry about the exchange with the OEM."""
    exchange = None if answer.exchange is None else msgspec.to_builtins(answer.exchange)
    earlier = {"earlier": msgspec.to_builtins(answer.earlier)} if answer.earlier else {}
    return {"verdict": answer.kind, "exchange": exchange, **earlier}
