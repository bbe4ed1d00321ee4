"""An operator's password and second factor: set by oneself, or reset by another, which is kept."""

from typing import Any

from keyturn.tenants import authority, operators, second_factor
from keyturn.tenants.administration import Answer, Arguments, Operation, OperationError, Session
from keyturn.tenants.guards import at_once, depends, when
from keyturn.tenants.passwords import checked_password
from keyturn.tenants.references import OPERATOR, resolve
from keyturn.tenants.staff import shown_by_id

_REPLACE = "UPDATE operator SET password = :password WHERE id = :id"
_ENROL = "UPDATE operator SET totp = :totp, totp_step = 0 WHERE id = :id"


class SetPassword(Arguments, frozen=True):
    person: str
    """The name: the password is judged by it."""
    password: str
    """Hashed before it comes here."""
    company: str | None = None


class EnrolTotp(Arguments, frozen=True):
    pass


class ResetTotp(Arguments, frozen=True):
    person: str
    company: str | None = None


def set_password(session: Session, arguments: SetPassword) -> Answer:
    operator = _meant(session, arguments)
    if arguments.person != operator["name"]:
        raise OperationError("name_required", "Give the operator's name, which the password must not contain.")
    _own_or_reset(session, operator)
    session.tx.run(_REPLACE, id=operator["id"], password=arguments.password)
    _record(session, operator, "password replaced")
    return shown_by_id(session.tx, operator["id"])


def enrol_totp(session: Session, _: EnrolTotp) -> Answer:
    """For whoever signed in: the secret is shown to nobody else, and once."""
    person = authority.person(session, second_factor=False)
    operator = shown_by_id(session.tx, person.id)
    _own_or_reset(session, operator)
    secret = second_factor.new_secret()
    session.tx.run(_ENROL, id=person.id, totp=session.keyring.seal(secret, person.id))
    _record(session, operator, "second factor enrolled")
    return shown_by_id(session.tx, person.id) | {"otpauth": second_factor.enrolment_uri(person.name, secret)}


def reset_totp(session: Session, arguments: ResetTotp) -> Answer:
    operator = _meant(session, arguments)
    _own_or_reset(session, operator)
    session.tx.run(_ENROL, id=operator["id"], totp=None)
    _record(session, operator, "second factor removed")
    return shown_by_id(session.tx, operator["id"])


def _own_or_reset(session: Session, operator: Answer) -> None:
    """One's own takes the second factor that one has; another's is kept as a reset. Raises `OperationError`."""
    if _is_own(session, operator):
        authority.person(session, second_factor=operator["second_factor"])
    else:
        operators.keep_reset(session.tx, operator["id"], session.author)


def _record(session: Session, operator: Answer, credentials: str) -> None:
    session.record("operator.set", operator["company_id"], operator_id=operator["id"], credentials=credentials)


def _of_another(session: Session, arguments: SetPassword | ResetTotp) -> bool:
    return not _is_own(session, _meant(session, arguments))


def _is_own(session: Session, operator: Answer) -> bool:
    return session.operator is not None and session.operator.id == operator["id"]


def _meant(session: Session, arguments: SetPassword | ResetTotp) -> Answer:
    return shown_by_id(session.tx, resolve(session.tx, OPERATOR, arguments.person, arguments.company))


def _prepared(arguments: dict[str, Any]) -> dict[str, Any]:
    name, password = arguments.get("person"), arguments.get("password")
    if not (isinstance(name, str) and isinstance(password, str)):
        return arguments
    return arguments | {"password": checked_password(password, name)}


_ANOTHERS = depends(
    when(_of_another),
    "Lets somebody sign in as another.",
    "One's own: it takes the second factor that one has.",
)

OPERATIONS = (
    Operation(
        "operator set-password",
        SetPassword,
        set_password,
        guard=_ANOTHERS,
        secret=("password",),
        prepare=_prepared,
    ),
    Operation(
        "operator enrol-totp",
        EnrolTotp,
        enrol_totp,
        shared=True,
        guard=at_once(
            "Lets somebody who has the password alone sign in fully.",
            "One's own: replacing a second factor takes the second factor.",
        ),
    ),
    Operation("operator reset-totp", ResetTotp, reset_totp, guard=_ANOTHERS),
)
