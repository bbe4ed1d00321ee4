"""Sign-secrets: one or two an application, so that a rotation need not stop its clients."""

from keyturn.auth.credentials import new_secret
from keyturn.auth.keyring import Keyring
from keyturn.errors import OperationError
from keyturn.store.port import ReadTx, Tx

_SLOTS = (1, 2)

_LIST = "SELECT slot, created_at FROM sign_secret WHERE application_id = :id ORDER BY created_at, slot"
_ADD = """
INSERT INTO sign_secret (application_id, slot, sealed, created_at) VALUES (:id, :slot, :sealed, :created_at)
"""
_DROP = "DELETE FROM sign_secret WHERE application_id = :id AND slot = :slot"


def add_sign_secret(tx: Tx, keyring: Keyring, application_id: str) -> str:
    """Put a new one into the free slot and return it: it is not shown again. Raises `OperationError`."""
    refuse_third(tx, application_id)
    held = _held(tx, application_id)
    free = [slot for slot in _SLOTS if slot not in dict(held)]
    secret = new_secret()
    # Later than any it has, also within one instant: which is the older must never be a guess.
    created_at = max([tx.now, *(created + 1 for _, created in held)])
    sealed = keyring.seal(secret.encode(), application_id)
    tx.run(_ADD, id=application_id, slot=free[0], sealed=sealed, created_at=created_at)
    return secret


def refuse_third(tx: ReadTx, application_id: str) -> None:
    """Raises `OperationError` where there is no place for another."""
    if len(_held(tx, application_id)) >= len(_SLOTS):
        raise OperationError(
            "two_sign_secrets", "The application already has two sign-secrets; retire the older one first."
        )


def retire_sign_secret(tx: Tx, application_id: str) -> None:
    """Drop the older of two. Raises `OperationError` when that would leave none."""
    held = _held(tx, application_id)
    if len(held) < len(_SLOTS):
        raise OperationError(
            "one_sign_secret", "The application has no older sign-secret to retire; add a new one first."
        )
    tx.run(_DROP, id=application_id, slot=held[0][0])


def _held(tx: ReadTx, application_id: str) -> list[tuple[int, int]]:
    """Slot and age, the oldest first."""
    return [(slot, created_at) for slot, created_at in tx.all(_LIST, id=application_id)]
