"""Nonces of signatures, version 2: each is good once within the window in which its signature is young."""

import msgspec

from keyturn.clock import after, seconds_between
from keyturn.errors import SignatureInvalid
from keyturn.store.port import ReadTx, Tx

WINDOW = 60.0
"""Seconds by which a signature's creation may differ from the store's clock, either way."""

_SEEN = "SELECT 1 FROM nonce WHERE application_id = :application_id AND value = :value"
_SPEND = """
INSERT INTO nonce (application_id, value, expires_at) VALUES (:application_id, :value, :expires_at)
ON CONFLICT (application_id, value) DO NOTHING
"""


class Nonce(msgspec.Struct, frozen=True):
    """What makes a signature of an application unique."""

    application_id: str
    value: str
    created_at: int
    """When the client made the signature."""


def spend(tx: Tx, nonce: Nonce) -> None:
    """Raises `SignatureInvalid` for one that was seen before, and for a signature that is too old or too new.

    Both are judged by the store's clock, which never goes back: what the purge forgot is too old for ever.
    """
    if not _is_young(tx, nonce):
        raise SignatureInvalid
    expires_at = after(nonce.created_at, WINDOW)
    if not tx.run(_SPEND, application_id=nonce.application_id, value=nonce.value, expires_at=expires_at):
        raise SignatureInvalid


def is_spent(tx: ReadTx, nonce: Nonce) -> bool:
    """Whether `spend` is sure to refuse it."""
    if not _is_young(tx, nonce):
        return True
    return tx.one(_SEEN, application_id=nonce.application_id, value=nonce.value) is not None


def _is_young(tx: ReadTx, nonce: Nonce) -> bool:
    return abs(seconds_between(nonce.created_at, tx.now)) <= WINDOW
