"""Rotating an application's secrets."""

from keyturn.tenants.administration import Answer, Arguments, Operation, Session
from keyturn.tenants.applications import shown_by_id
from keyturn.tenants.credentials import client_secret_digest, new_secret
from keyturn.tenants.guards import guarded
from keyturn.tenants.references import APPLICATION, resolve
from keyturn.tenants.sign_secrets import add_sign_secret, retire_sign_secret

_ROTATE = """
UPDATE application SET client_secret_hash = :hash, secret_version = secret_version + 1 WHERE id = :id
"""


class RotateSecret(Arguments, frozen=True):
    """Without a flag: the client secret is replaced and its tokens end."""

    application: str
    company: str | None = None
    sign: bool = False
    """Add a second sign-secret; the first stays good."""
    retire: bool = False
    """Drop the older sign-secret instead."""


def rotate_secret(session: Session, arguments: RotateSecret) -> Answer:
    tx = session.tx
    application_id = resolve(tx, APPLICATION, arguments.application, arguments.company)
    new: Answer = {}
    if arguments.retire:
        retire_sign_secret(tx, application_id)
        kind = "application.sign_secret_retired"
    elif arguments.sign:
        new["sign_secret"] = add_sign_secret(tx, session.keyring, application_id)
        kind = "application.sign_secret_added"
    else:
        new["client_secret"] = new_secret()
        tx.run(_ROTATE, id=application_id, hash=client_secret_digest(session.keyring, new["client_secret"]))
        kind = "application.client_secret_rotated"
    application = shown_by_id(tx, application_id)
    session.record(kind, application["company_id"], application_id=application_id)
    return application | new


OPERATIONS = (
    Operation(
        "application rotate-secret",
        RotateSecret,
        rotate_secret,
        role="admin",
        guard=guarded("Whoever rotates knows the secret, and can ask as the application."),
    ),
)
