"""Secrets of an application, and their rotation: two sign-secrets can be active, so that clients need not stop."""

from keyturn.admin import conflicts
from keyturn.admin.guards import guarded
from keyturn.admin.operation import Answer, Arguments, OneTimeSecret, Operation, Session
from keyturn.admin.references import (
    APPLICATION,
    resolve,
)
from keyturn.auth.keyring import Keyring
from keyturn.auth.tokens import client_secret_digest, new_secret
from keyturn.errors import OperationError
from keyturn.store.port import ReadTx, Tx
from keyturn.tenants.application_views import application_view


class RotateSecret(Arguments, frozen=True):
    """Without a flag: replace the client secret, which ends its tokens."""

    application: str
    company: str | None = None
    sign: bool = False
    """Add a second sign-secret; the first stays valid."""
    retire: bool = False
    """Remove the older sign-secret instead."""


def rotate_secret(session: Session, arguments: RotateSecret) -> Answer:
    """Changes nothing where a new secret is to be made: the old one is valid until then."""
    tx = session.tx
    application_id = resolve(tx, APPLICATION, arguments.application, arguments.company)
    if arguments.retire:
        retire_sign_secret(tx, application_id)
        _record_rotation(session, application_id, "application.sign_secret_retired")
    elif arguments.sign:
        refuse_third(tx, application_id)
    return application_view(tx, application_id)


def _make(session: Session, arguments: RotateSecret, application: Answer) -> Answer:
    tx, application_id = session.tx, application["id"]
    new: Answer = {}
    if arguments.sign:
        new["sign_secret"] = add_sign_secret(tx, session.keyring, application_id)
        _record_rotation(session, application_id, "application.sign_secret_added")
    else:
        new["client_secret"] = replace_client_secret(tx, session.keyring, application_id)
        _record_rotation(session, application_id, "application.client_secret_rotated")
    return application_view(tx, application_id) | new


def _record_rotation(session: Session, application_id: str, kind: str) -> None:
    application = application_view(session.tx, application_id)
    conflicts.record_involvement(session.tx, application_id, session.author, "rotated")
    session.record(kind, application["company_id"], application_id=application_id, name=application["name"])


OPERATIONS = (
    Operation(
        "application rotate-secret",
        RotateSecret,
        rotate_secret,
        role="admin",
        guard=guarded("The operator who rotates knows the secret, and can act as the application."),
        one_time_secret=OneTimeSecret(lambda _session, arguments: not arguments.retire, _make),
    ),
)


_ROTATE = """
UPDATE application SET client_secret_hash = :hash, secret_version = secret_version + 1 WHERE id = :id
"""


def replace_client_secret(tx: Tx, keyring: Keyring, application_id: str) -> str:
    """A new one, shown once; tokens of the former one end."""
    secret = new_secret()
    tx.run(_ROTATE, id=application_id, hash=client_secret_digest(keyring, secret))
    return secret


_SLOTS = (1, 2)

_LIST = "SELECT slot, created_at FROM sign_secret WHERE application_id = :id ORDER BY created_at, slot"
_ADD = """
INSERT INTO sign_secret (application_id, slot, sealed, created_at) VALUES (:id, :slot, :sealed, :created_at)
"""
_DROP = "DELETE FROM sign_secret WHERE application_id = :id AND slot = :slot"


def add_sign_secret(tx: Tx, keyring: Keyring, application_id: str) -> str:
    """Put a new one into the free slot; the secret, which is not shown again. Raises `OperationError`."""
    refuse_third(tx, application_id)
    used = _slots_in_use(tx, application_id)
    free = [slot for slot in _SLOTS if slot not in dict(used)]
    secret = new_secret()
    # Later than any in use, also within one instant, so that the older one is always known.
    created_at = max([tx.now, *(created + 1 for _, created in used)])
    sealed = keyring.seal(secret.encode(), application_id)
    tx.run(_ADD, id=application_id, slot=free[0], sealed=sealed, created_at=created_at)
    return secret


def refuse_third(tx: ReadTx, application_id: str) -> None:
    """Raises `OperationError` where both slots are taken."""
    if len(_slots_in_use(tx, application_id)) >= len(_SLOTS):
        raise OperationError(
            "two_sign_secrets", "The application already has two sign-secrets; retire the older one first."
        )


def retire_sign_secret(tx: Tx, application_id: str) -> None:
    """Remove the older of two. Raises `OperationError` when there is only one."""
    used = _slots_in_use(tx, application_id)
    if len(used) < len(_SLOTS):
        raise OperationError(
            "one_sign_secret", "The application has no older sign-secret to retire; add a new one first."
        )
    tx.run(_DROP, id=application_id, slot=used[0][0])


def _slots_in_use(tx: ReadTx, application_id: str) -> list[tuple[int, int]]:
    """Slot and creation instant, the oldest first."""
    return [(slot, created_at) for slot, created_at in tx.all(_LIST, id=application_id)]
