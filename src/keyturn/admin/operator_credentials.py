"""An operator's password and second factor: set by oneself, or by a one-time code of another's, which is kept."""

from typing import Any

from keyturn.admin import authorization, conflicts, one_time_codes, operators
from keyturn.admin.guards import at_once, depends, when
from keyturn.admin.one_time_codes import Purpose
from keyturn.admin.operation import Answer, Arguments, OneTimeSecret, Operation, Session
from keyturn.admin.operator_accounts import ensure_own_password
from keyturn.admin.operators import operator_view
from keyturn.admin.references import OPERATOR, resolve
from keyturn.auth import totp
from keyturn.auth.passwords import hash_checked_password
from keyturn.errors import OperationError

_REPLACE = "UPDATE operator SET password = :password WHERE id = :id"
_ENROL = "UPDATE operator SET totp = :totp, totp_step = 0 WHERE id = :id"
_ACCEPTING = """
SELECT o.id FROM operator o LEFT JOIN company c ON c.id = o.company_id
WHERE o.active = 1 AND o.name = :name
  AND (CAST(:company AS TEXT) IS NULL OR c.id = :company OR c.name = :company)
"""


class SetPassword(Arguments, frozen=True):
    person: str
    """The name: the password is judged by it."""
    password: str | None = None
    """Hashed before it comes here. None: another's, who gets a code to set it with."""
    company: str | None = None


class EnrolTotp(Arguments, frozen=True):
    with_code: bool = False
    """In place of the second factor that one has."""
    code: str | None = None


class ResetTotp(Arguments, frozen=True):
    person: str
    company: str | None = None


class Accept(Arguments, frozen=True):
    person: str
    """The name: the password is judged by it."""
    code: str
    password: str
    """Hashed before it comes here."""
    company: str | None = None


def set_password(session: Session, arguments: SetPassword) -> Answer:
    operator = _meant(session, arguments)
    if arguments.password is None:
        if _is_own(session, operator):
            raise OperationError("password_required", "Give your new password, and your name as you signed in with it.")
        return operator
    if arguments.person != operator["name"]:
        raise OperationError("name_required", "Give the operator's name, which the password must not contain.")
    _own_or_reset(session, operator)
    return _replaced(session, operator, arguments.password)


def accept(session: Session, arguments: Accept) -> Answer:
    """Whoever holds the code sets the password; a name that nobody has is refused as a wrong code is."""
    found = session.tx.all(_ACCEPTING, name=arguments.person, company=arguments.company)
    operator_id = one_time_codes.use(session, [str(row[0]) for row in found], "password", arguments.code)
    return _replaced(session, operator_view(session.tx, operator_id), arguments.password)


def enrol_totp(session: Session, arguments: EnrolTotp) -> Answer:
    """For whoever signed in: the secret is shown to nobody else, and once."""
    person = authorization.person(session, second_factor=False)
    operator = operator_view(session.tx, person.id)
    if arguments.code is not None:
        one_time_codes.use(session, [person.id], "totp", arguments.code)
    else:
        _own_or_reset(session, operator)
    secret = totp.new_secret()
    session.tx.run(_ENROL, id=person.id, totp=session.keyring.seal(secret, person.id))
    one_time_codes.drop(session.tx, person.id, "totp")
    _record(session, operator, "second factor enrolled")
    return operator_view(session.tx, person.id) | {"otpauth": totp.enrolment_uri(person.name, secret)}


def reset_totp(session: Session, arguments: ResetTotp) -> Answer:
    """One's own is removed. Another's stays until a new one is enrolled with the code that this makes."""
    operator = _meant(session, arguments)
    if not _is_own(session, operator):
        return operator
    _own_or_reset(session, operator)
    session.tx.run(_ENROL, id=operator["id"], totp=None)
    _record(session, operator, "second factor removed")
    return operator_view(session.tx, operator["id"])


def _replaced(session: Session, operator: Answer, password: str) -> Answer:
    session.tx.run(_REPLACE, id=operator["id"], password=password)
    one_time_codes.drop(session.tx, operator["id"], "password")
    _record(session, operator, "password replaced")
    return operator_view(session.tx, operator["id"])


def _own_or_reset(session: Session, operator: Answer) -> None:
    """One's own takes the second factor that one has; another's is kept as a reset. Raises `OperationError`."""
    if _is_own(session, operator):
        authorization.person(session, second_factor=operator["second_factor"])
    else:
        conflicts.record_involvement(session.tx, operator["id"], session.author, "reset")
        conflicts.record_unsupervised(session, operator["id"], operator["company_id"], "reset")


def _record(session: Session, operator: Answer, credentials: str) -> None:
    session.record("operator.set", operator["company_id"], operator_id=operator["id"], credentials=credentials)


def _of_another(session: Session, arguments: SetPassword | ResetTotp) -> bool:
    operator = _meant(session, arguments)
    if _is_own(session, operator):
        return False
    ensure_own_password(session, operator["company_id"], getattr(arguments, "password", None))
    return True


def _is_own(session: Session, operator: Answer) -> bool:
    return session.operator is not None and session.operator.id == operator["id"]


def _meant(session: Session, arguments: SetPassword | ResetTotp) -> Answer:
    return operator_view(session.tx, resolve(session.tx, OPERATOR, arguments.person, arguments.company))


def _code(purpose: Purpose) -> OneTimeSecret:
    """The code is made for somebody else alone, who hears it from whoever issued it."""

    def anothers(session: Session, arguments: Any) -> bool:
        without = getattr(arguments, "password", None) is None
        return without and not _is_own(session, _meant(session, arguments))

    def made(session: Session, _arguments: Any, operator: Answer) -> Answer:
        if operators.load(session.tx, operator["id"], second_factor=False) is None:
            raise OperationError("not_found", "The operator is not active.")
        issued = one_time_codes.issue(session, operator["id"], operator["company_id"], purpose)
        _record(session, operator, f"{'password' if purpose == 'password' else 'second factor'} code issued")
        return operator_view(session.tx, operator["id"]) | issued

    return OneTimeSecret(anothers, made)


def _prepared(arguments: dict[str, Any]) -> dict[str, Any]:
    name, password = arguments.get("person"), arguments.get("password")
    if not (isinstance(name, str) and isinstance(password, str)):
        return arguments
    return arguments | {"password": hash_checked_password(password, name)}


def _is_ones_own(signed_in_as: str | None, arguments: dict[str, Any]) -> bool:
    """As far as the names say it; an e-mail address says nothing."""
    person = arguments.get("person")
    return signed_in_as is None or signed_in_as == person or signed_in_as.startswith(f"{person}@")


_ANOTHERS = depends(
    when(_of_another),
    "Lets somebody sign in as another.",
    "One's own: it takes the second factor that one has.",
    bootstraps=True,
)

OPERATIONS = (
    Operation(
        "operator set-password",
        SetPassword,
        set_password,
        guard=_ANOTHERS,
        secret=("password",),
        prompts=_is_ones_own,
        one_time_secret=_code("password"),
        prepare=_prepared,
    ),
    Operation(
        "operator accept",
        Accept,
        accept,
        guard=at_once(
            "Lets whoever holds the code sign in as the operator.",
            "The code is good once and for a day; whoever issued it decides nothing together with its operator for a"
            " week.",
        ),
        secret=("code", "password"),
        prepare=_prepared,
    ),
    Operation(
        "operator enrol-totp",
        EnrolTotp,
        enrol_totp,
        shared=True,
        guard=at_once(
            "Lets somebody who has the password alone sign in fully.",
            "One's own: replacing a second factor takes the second factor, or a code that an admin issued.",
        ),
        secret=("code",),
        prompts=lambda _signed_in_as, arguments: bool(arguments.get("with_code")),
    ),
    Operation(
        "operator reset-totp",
        ResetTotp,
        reset_totp,
        guard=_ANOTHERS,
        one_time_secret=_code("totp"),
    ),
)
