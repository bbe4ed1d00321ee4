"""Idempotency keys: the same key and request lead to the same record for a day."""

import msgspec

from keyturn.clock import after
from keyturn.commands.admission.requests import CommandRequest
from keyturn.store.port import ReadTx, Tx

_SELECT = """
SELECT request_hash, command_id, joined_code FROM idempotency_key
WHERE application_id = :application_id AND key = :key AND expires_at > :now
"""
_FORGET = "DELETE FROM idempotency_key WHERE application_id = :application_id AND key = :key"
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
    """The HTTP code of an answer that joined a record; None: as the record's own POST."""


def find(tx: ReadTx, request: CommandRequest) -> UsedKey | None:
    if request.idempotency_key is None:
        return None
    row = tx.one(_SELECT, application_id=request.application_id, key=request.idempotency_key, now=tx.now)
    return UsedKey(*row) if row else None


def keep(tx: Tx, request: CommandRequest, command_id: str, life: float, joined_code: int | None = None) -> None:
    """Remember which record the request led to, for `life` seconds."""
    if request.idempotency_key is None:
        return
    where = {"application_id": request.application_id, "key": request.idempotency_key}
    tx.run(_FORGET, **where)
    tx.run(
        _INSERT,
        **where,
        request_hash=request.request_hash,
        command_id=command_id,
        joined_code=joined_code,
        expires_at=after(tx.now, life),
    )


def follow(tx: Tx, from_id: str, to_id: str, joined_code: int) -> None:
    """The record that a key led to has joined another: from now on the key leads there."""
    tx.run(_FOLLOW, from_id=from_id, to_id=to_id, joined_code=joined_code)
