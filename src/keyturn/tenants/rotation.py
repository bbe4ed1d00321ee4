"""Rotating an application's secrets."""

from keyturn.admin import conflicts
from keyturn.admin.guards import guarded
from keyturn.admin.operation import Answer, Arguments, Makes, Operation, Session
from keyturn.admin.references import APPLICATION, resolve
from keyturn.tenants.applications import replace_client_secret, shown_by_id
from keyturn.tenants.sign_secrets import add_sign_secret, refuse_third, retire_sign_secret


class RotateSecret(Arguments, frozen=True):
    """Without a flag: the client secret is replaced and its tokens end."""

    application: str
    company: str | None = None
    sign: bool = False
    """Add a second sign-secret; the first stays good."""
    retire: bool = False
    """Drop the older sign-secret instead."""


def rotate_secret(session: Session, arguments: RotateSecret) -> Answer:
    """Nothing yet, where a new secret is asked for: the old one is good until that is made."""
    tx = session.tx
    application_id = resolve(tx, APPLICATION, arguments.application, arguments.company)
    if arguments.retire:
        retire_sign_secret(tx, application_id)
        _record(session, application_id, "application.sign_secret_retired")
    elif arguments.sign:
        refuse_third(tx, application_id)
    return shown_by_id(tx, application_id)


def _make(session: Session, arguments: RotateSecret, application: Answer) -> Answer:
    tx, application_id = session.tx, application["id"]
    new: Answer = {}
    if arguments.sign:
        new["sign_secret"] = add_sign_secret(tx, session.keyring, application_id)
        _record(session, application_id, "application.sign_secret_added")
    else:
        new["client_secret"] = replace_client_secret(tx, session.keyring, application_id)
        _record(session, application_id, "application.client_secret_rotated")
    return shown_by_id(tx, application_id) | new


def _record(session: Session, application_id: str, kind: str) -> None:
    application = shown_by_id(session.tx, application_id)
    conflicts.record_involvement(session.tx, application_id, session.author, "rotated")
    session.record(kind, application["company_id"], application_id=application_id, name=application["name"])


OPERATIONS = (
    Operation(
        "application rotate-secret",
        RotateSecret,
        rotate_secret,
        role="admin",
        guard=guarded("Whoever rotates knows the secret, and can ask as the application."),
        makes=Makes(lambda _session, arguments: not arguments.retire, _make),
    ),
)
