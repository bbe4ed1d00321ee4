"""Nonces of signatures, version 2: each is accepted once, within a minute of its signature's creation."""

import msgspec

from keyturn.clock import after, seconds_between
from keyturn.errors import SignatureInvalid
from keyturn.store.port import ReadTx, Tx

WINDOW = 60.0
"""Seconds by which a signature's creation may differ from the wall clock, either way."""
_KEEP = 3_600.0

_SEEN = "SELECT 1 FROM nonce WHERE application_id = :application_id AND value = :value"
_CONSUME = """
INSERT INTO nonce (application_id, value, expires_at) VALUES (:application_id, :value, :expires_at)
ON CONFLICT (application_id, value) DO NOTHING
"""
_DELETED_TO = "SELECT forgotten_to FROM nonce_horizon WHERE application_id = :application_id"
_OLD = (
    "SELECT application_id, value, expires_at FROM nonce WHERE expires_at <= :before ORDER BY expires_at LIMIT :limit"
)
_DELETE = "DELETE FROM nonce WHERE application_id = :application_id AND value = :value"
_SET_DELETED_TO = """
INSERT INTO nonce_horizon (application_id, forgotten_to) VALUES (:application_id, :expires_at)
ON CONFLICT (application_id) DO UPDATE SET forgotten_to = excluded.forgotten_to
WHERE nonce_horizon.forgotten_to < excluded.forgotten_to
"""


class Nonce(msgspec.Struct, frozen=True):
    """What makes a signature of an application unique."""

    application_id: str
    value: str
    created_at: int
    """When the client made the signature."""


def consume(tx: Tx, nonce: Nonce) -> None:
    """Raises `SignatureInvalid` for one that was seen before, and for a signature that is too old or too new.

    The age is by the wall clock, as the client's is. A wall clock may be set back: so a nonce from before the newest
    deleted one is refused for ever.
    """
    if not _is_young(tx, nonce) or _is_deleted(tx, nonce):
        raise SignatureInvalid
    expires_at = after(nonce.created_at, WINDOW)
    if not tx.run(_CONSUME, application_id=nonce.application_id, value=nonce.value, expires_at=expires_at):
        raise SignatureInvalid


def is_consumed(tx: ReadTx, nonce: Nonce) -> bool:
    """Whether `consume` is sure to refuse it."""
    if not _is_young(tx, nonce) or _is_deleted(tx, nonce):
        return True
    return tx.one(_SEEN, application_id=nonce.application_id, value=nonce.value) is not None


def _is_young(tx: ReadTx, nonce: Nonce) -> bool:
    return abs(seconds_between(nonce.created_at, tx.moment.wall)) <= WINDOW


def _is_deleted(tx: ReadTx, nonce: Nonce) -> bool:
    row = tx.one(_DELETED_TO, application_id=nonce.application_id)
    return row is not None and after(nonce.created_at, WINDOW) <= int(row[0])


def delete_expired(tx: Tx, limit: int) -> int:
    """Delete up to `limit` nonces that expired long ago, and keep until when; the number deleted."""
    old = tx.all(_OLD, before=after(tx.moment.wall, -_KEEP), limit=limit)
    for application_id, value, _expires_at in old:
        tx.run(_DELETE, application_id=application_id, value=value)
    newest = {application_id: expires_at for application_id, _value, expires_at in old}  # the last one is the newest
    for application_id, expires_at in newest.items():
        tx.run(_SET_DELETED_TO, application_id=application_id, expires_at=expires_at)
    return len(old)
