"""Idempotency keys: the same key and request lead to the same record for a day."""

import msgspec

from keyturn.clock import after
from keyturn.commands.admission.confirmation import ConfirmationCodes, binding_of
from keyturn.commands.admission.requests import CommandRequest
from keyturn.commands.model import record
from keyturn.commands.model.record import Command
from keyturn.commands.model.states import State
from keyturn.errors import IdempotencyKeyReused
from keyturn.store.port import ReadTx, Tx

_SELECT = """
SELECT request_hash, command_id, joined_code FROM idempotency_key
WHERE application_id = :application_id AND key = :key AND expires_at > :now
"""
_DELETE = "DELETE FROM idempotency_key WHERE application_id = :application_id AND key = :key"
_INSERT = """
INSERT INTO idempotency_key (application_id, key, request_hash, command_id, joined_code, expires_at)
VALUES (:application_id, :key, :request_hash, :command_id, :joined_code, :expires_at)
"""
_FOLLOW = """
UPDATE idempotency_key SET command_id = :to_id, joined_code = :joined_code WHERE command_id = :from_id
"""


class UsedKey(msgspec.Struct, frozen=True):
    request_hash: str
    command_id: str
    joined_code: int | None
    """The HTTP status of an answer that coalesced with another record; None: as the record's own POST."""


def find_command(tx: ReadTx, request: CommandRequest, codes: ConfirmationCodes) -> tuple[Command, int | None] | None:
    """The command that the request's key led to, with the status of an answer that coalesced; None: the key is free.

    Raises `IdempotencyKeyReused` where the key came with another request.
    """
    used = _find(tx, request)
    if used is None:
        return None
    command = record.load_of_company(tx, request.company_id, used.command_id)
    if command is None or _is_free(tx, command, codes):
        return None
    if used.request_hash != request.request_hash:
        raise IdempotencyKeyReused
    return command, used.joined_code


def _find(tx: ReadTx, request: CommandRequest) -> UsedKey | None:
    if request.idempotency_key is None:
        return None
    row = tx.one(_SELECT, application_id=request.application_id, key=request.idempotency_key, now=tx.now)
    return UsedKey(*row) if row else None


def _is_free(tx: ReadTx, command: Command, codes: ConfirmationCodes) -> bool:
    """A confirmation that ended without being redeemed frees the key that led to it."""
    if command.state is State.CONFIRMING:
        return codes.open_for(tx, binding_of(command)) is None
    has_ended = command.state in (State.EXPIRED, State.CANCELLED) and command.redeemed_at is None
    return has_ended and command.lane_number is None and command.spec.two_step


def keep(tx: Tx, request: CommandRequest, command_id: str, lifetime: float, joined_code: int | None = None) -> None:
    """Keep which record the request led to, for `lifetime` seconds."""
    if request.idempotency_key is None:
        return
    where = {"application_id": request.application_id, "key": request.idempotency_key}
    tx.run(_DELETE, **where)
    tx.run(
        _INSERT,
        **where,
        request_hash=request.request_hash,
        command_id=command_id,
        joined_code=joined_code,
        expires_at=after(tx.now, lifetime),
    )


def follow(tx: Tx, from_id: str, to_id: str, joined_code: int) -> None:
    """The record `from_id` was cancelled and its request coalesced with `to_id`: its key now leads there."""
    tx.run(_FOLLOW, from_id=from_id, to_id=to_id, joined_code=joined_code)
