"""Operations on an operator's password and second factor: one's own, or another's by a one-time code."""

from typing import Any

from keyturn.admin import authorization, conflicts, one_time_codes, operators
from keyturn.admin.guards import at_once, depends, when
from keyturn.admin.one_time_codes import Purpose
from keyturn.admin.operation import Answer, Arguments, OneTimeSecret, Operation, Session
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
    """The name, which the password must not contain."""
    password: str | None = None
    """Its hash, made by `prepare`. None: of another operator, who gets a one-time code to set it with."""
    company: str | None = None


class EnrolTotp(Arguments, frozen=True):
    with_code: bool = False
    """Authorize by `code` in place of the present second factor."""
    code: str | None = None


class ResetTotp(Arguments, frozen=True):
    person: str
    company: str | None = None


class Accept(Arguments, frozen=True):
    person: str
    """The name, which the password must not contain."""
    code: str
    password: str
    """Its hash, made by `prepare`."""
    company: str | None = None


def set_password(session: Session, arguments: SetPassword) -> Answer:
    operator = _referenced(session, arguments)
    if arguments.password is None:
        if _is_own(session, operator):
            raise OperationError("password_required", "Give your new password, and your name as you signed in with it.")
        return operator
    if arguments.person != operator["name"]:
        raise OperationError("name_required", "Give the operator's name, which the password must not contain.")
    _authorize_replacement(session, operator)
    return _replace_password(session, operator, arguments.password)


def accept(session: Session, arguments: Accept) -> Answer:
    """Sets the password of the operator whose code it is; an unknown name is refused as a wrong code is."""
    found = session.tx.all(_ACCEPTING, name=arguments.person, company=arguments.company)
    operator_id = one_time_codes.redeem(session, [str(row[0]) for row in found], "password", arguments.code)
    return _replace_password(session, operator_view(session.tx, operator_id), arguments.password)


def enrol_totp(session: Session, arguments: EnrolTotp) -> Answer:
    """For the operator who signed in; the secret is shown once."""
    person = authorization.signed_in_operator(session, second_factor=False)
    operator = operator_view(session.tx, person.id)
    if arguments.code is not None:
        one_time_codes.redeem(session, [person.id], "totp", arguments.code)
    else:
        _authorize_replacement(session, operator)
    secret = totp.new_secret()
    session.tx.run(_ENROL, id=person.id, totp=session.keyring.seal(secret, person.id))
    one_time_codes.revoke(session.tx, person.id, "totp")
    _record(session, operator, "second factor enrolled")
    return operator_view(session.tx, person.id) | {"otpauth": totp.enrolment_uri(person.name, secret)}


def reset_totp(session: Session, arguments: ResetTotp) -> Answer:
    """Removes one's own. Another's stays until a new one is enrolled with the one-time code in the answer."""
    operator = _referenced(session, arguments)
    if not _is_own(session, operator):
        return operator
    _authorize_replacement(session, operator)
    session.tx.run(_ENROL, id=operator["id"], totp=None)
    _record(session, operator, "second factor removed")
    return operator_view(session.tx, operator["id"])


def _replace_password(session: Session, operator: Answer, password: str) -> Answer:
    session.tx.run(_REPLACE, id=operator["id"], password=password)
    one_time_codes.revoke(session.tx, operator["id"], "password")
    _record(session, operator, "password replaced")
    return operator_view(session.tx, operator["id"])


def _authorize_replacement(session: Session, operator: Answer) -> None:
    """One's own needs the present second factor; another's is recorded as a reset. Raises `OperationError`."""
    if _is_own(session, operator):
        authorization.signed_in_operator(session, second_factor=operator["second_factor"])
    else:
        conflicts.record_involvement(session.tx, operator["id"], session.author, "reset")
        conflicts.record_unsupervised(session, operator["id"], operator["company_id"], "reset")


def _record(session: Session, operator: Answer, credentials: str) -> None:
    session.record("operator.set", operator["company_id"], operator_id=operator["id"], credentials=credentials)


def _of_another(session: Session, arguments: SetPassword | ResetTotp) -> bool:
    operator = _referenced(session, arguments)
    if _is_own(session, operator):
        return False
    one_time_codes.ensure_own_password(session, operator["company_id"], getattr(arguments, "password", None))
    return True


def _is_own(session: Session, operator: Answer) -> bool:
    return session.operator is not None and session.operator.id == operator["id"]


def _referenced(session: Session, arguments: SetPassword | ResetTotp) -> Answer:
    return operator_view(session.tx, resolve(session.tx, OPERATOR, arguments.person, arguments.company))


def _code(purpose: Purpose) -> OneTimeSecret:
    """A one-time code for another operator, handed over by the one who issues it."""

    def of_another(session: Session, arguments: Any) -> bool:
        no_password = getattr(arguments, "password", None) is None
        return no_password and not _is_own(session, _referenced(session, arguments))

    def make(session: Session, _arguments: Any, operator: Answer) -> Answer:
        if operators.load(session.tx, operator["id"], second_factor=False) is None:
            raise OperationError("not_found", "The operator is not active.")
        issued = one_time_codes.issue(session, operator["id"], operator["company_id"], purpose)
        _record(session, operator, f"{'password' if purpose == 'password' else 'second factor'} code issued")
        return operator_view(session.tx, operator["id"]) | issued

    return OneTimeSecret(of_another, make)


def _hash_password(arguments: dict[str, Any]) -> dict[str, Any]:
    name, password = arguments.get("person"), arguments.get("password")
    if not (isinstance(name, str) and isinstance(password, str)):
        return arguments
    return arguments | {"password": hash_checked_password(password, name)}


def _is_ones_own(signed_in_as: str | None, arguments: dict[str, Any]) -> bool:
    """Decided by the names; an e-mail address does not show it."""
    person = arguments.get("person")
    return signed_in_as is None or signed_in_as == person or signed_in_as.startswith(f"{person}@")


_UNLESS_OWN = depends(
    when(_of_another),
    "Lets one operator sign in as another.",
    "One's own needs the present second factor.",
    bootstraps=True,
)

OPERATIONS = (
    Operation(
        "operator set-password",
        SetPassword,
        set_password,
        guard=_UNLESS_OWN,
        secret=("password",),
        prompts=_is_ones_own,
        one_time_secret=_code("password"),
        prepare=_hash_password,
    ),
    Operation(
        "operator accept",
        Accept,
        accept,
        guard=at_once(
            "Lets the holder of the code sign in as the operator.",
            "The code is valid once and for a day; its issuer decides nothing together with its operator for a week.",
        ),
        secret=("code", "password"),
        prepare=_hash_password,
    ),
    Operation(
        "operator enrol-totp",
        EnrolTotp,
        enrol_totp,
        shared=True,
        guard=at_once(
            "Gives a second factor to a thief of the password alone.",
            "One's own: replacing a second factor needs the present one, or a one-time code that an admin issued.",
        ),
        secret=("code",),
        prompts=lambda _signed_in_as, arguments: bool(arguments.get("with_code")),
    ),
    Operation(
        "operator reset-totp",
        ResetTotp,
        reset_totp,
        guard=_UNLESS_OWN,
        one_time_secret=_code("totp"),
    ),
)
