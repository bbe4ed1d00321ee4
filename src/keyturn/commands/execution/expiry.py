"""Expires open commands whose deadline has passed, and deletes outlived rows of live tables in bounded numbers."""

from collections.abc import Callable

import msgspec

from keyturn.clock import after
from keyturn.commands.admission import nonces
from keyturn.commands.execution import outcome
from keyturn.commands.execution.intent import expire
from keyturn.commands.model import lifecycle, messages, record, unanswered
from keyturn.commands.model.record import Command
from keyturn.commands.model.states import State, Status
from keyturn.config.settings import EngineSettings
from keyturn.connectors.port import Capabilities
from keyturn.store.port import Tx
from keyturn.tenants import limits


def expire_overdue(tx: Tx, command_id: str, capabilities: Capabilities, rules: EngineSettings) -> Command | None:
    """Do what is due for this command now, where its deadline has passed by the store's time."""
    command = record.load_to_change(tx, command_id)
    if command is None:
        return None
    handle = _HANDLERS.get(command.state)
    if handle is None:
        lifecycle.close(tx, command_id)
        return None
    return handle(tx, command, capabilities, rules)


def _awaiting(tx: Tx, command: Command, _capabilities: Capabilities, _rules: EngineSettings) -> Command | None:
    """It was not approved in time."""
    if tx.now < (command.approve_by or 0):
        return None
    return lifecycle.move(tx, command, State.EXPIRED, detail=messages.NOT_APPROVED, cause="policy")


def _queued(tx: Tx, command: Command, _capabilities: Capabilities, _rules: EngineSettings) -> Command | None:
    return expire(tx, command) if tx.now >= (command.send_deadline or 0) else None


def _dispatching(tx: Tx, command: Command, capabilities: Capabilities, rules: EngineSettings) -> Command | None:
    """No answer was recorded: it may have happened."""
    if tx.now < after(command.send_by or 0, rules.answer_timeout):
        return None
    return outcome.unknown(tx, command, "unclear", capabilities)


def _accepted(tx: Tx, command: Command, capabilities: Capabilities, rules: EngineSettings) -> Command | None:
    if tx.now < (command.answer_deadline or 0):
        return None
    question = unanswered.load_question(tx, command.id)
    extra = {"exchange": msgspec.to_builtins(question)} if question else {}
    moved = outcome.unknown(
        tx, command, "no_answer", capabilities, extra=extra, cause=unanswered.cause(question, "reachability")
    )
    return _unknown(tx, moved, capabilities, rules) if moved is not None else None


def _unknown(tx: Tx, command: Command, _capabilities: Capabilities, rules: EngineSettings) -> Command | None:
    """At the answer deadline it is shown as Error and coalesces no more; a day later it is not asked about any more.

    It stays open even where no OEM can be asked: for that day the vehicle may still do it.
    """
    asked_until = after(command.answer_deadline or 0, rules.resolve_for)
    if tx.now < (command.answer_deadline or 0):
        return None
    lifecycle.stop_coalescing(tx, command.id)
    if tx.now >= asked_until:
        lifecycle.close(tx, command.id)
    else:
        lifecycle.wake(tx, command, asked_until)
    return lifecycle.expose_as_error(tx, command) if command.status is Status.PENDING else command


_HANDLERS: dict[State, Callable[[Tx, Command, Capabilities, EngineSettings], Command | None]] = {
    State.AWAITING_APPROVAL: _awaiting,
    State.QUEUED: _queued,
    State.DISPATCHING: _dispatching,
    State.ACCEPTED: _accepted,
    State.UNKNOWN: _unknown,
}


_HOUR, _DAY = 3_600.0, 86_400.0
_LIMIT = 1000

_DELETE_KEYS = """
DELETE FROM idempotency_key WHERE (application_id, key) IN
  (SELECT application_id, key FROM idempotency_key WHERE expires_at <= :before LIMIT :limit)
"""
_DELETE_REDEEMED = """
DELETE FROM redeemed_code WHERE (actor, vehicle_id, name, digest) IN
  (SELECT actor, vehicle_id, name, digest FROM redeemed_code WHERE redeemed_at <= :before LIMIT :limit)
"""
_DELETE_ISSUES = """
DELETE FROM code_issue WHERE id IN (SELECT id FROM code_issue WHERE issued_at <= :before LIMIT :limit)
"""


_DELETE_CALLS = "DELETE FROM oem_call WHERE id IN (SELECT id FROM oem_call WHERE at <= :before LIMIT :limit)"


def delete_expired(tx: Tx) -> int:
    """Number of deleted rows: expired keys, redeemed codes, counted calls, code issues and others."""
    deleted = tx.run(_DELETE_KEYS, before=tx.now, limit=_LIMIT)
    deleted += tx.run(_DELETE_REDEEMED, before=after(tx.now, -_DAY), limit=_LIMIT)
    deleted += tx.run(_DELETE_CALLS, before=after(tx.now, -_DAY), limit=_LIMIT)
    deleted += limits.delete_expired(tx, _LIMIT)
    deleted += nonces.delete_expired(tx, _LIMIT)
    return deleted + tx.run(_DELETE_ISSUES, before=after(tx.now, -_HOUR), limit=_LIMIT)
