"""Operations on operators: the people who administer, approve and view."""

import re
import uuid
from typing import Any

import msgspec

from keyturn.admin import authorization, conflicts, one_time_codes, operators
from keyturn.admin.guards import Need, depends, reads, when
from keyturn.admin.operation import Answer, Arguments, OneTimeSecret, Operation, Session, changed_fields
from keyturn.admin.operators import operator_view, operator_views
from keyturn.admin.pinned_references import refuse_renaming
from keyturn.admin.references import OPERATOR, checked_members, checked_name, name_taken, resolve, resolve_company
from keyturn.auth.passwords import hash_checked_password
from keyturn.auth.principal import ROLES, Role
from keyturn.errors import OperationError

_ADD = """
INSERT INTO operator
  (id, name, email, role, company_id, grants, password, totp_step, active, created_by, created_at)
VALUES (:id, :name, :email, :role, :company_id, :grants, :password, 0, 1, :author, :now)
ON CONFLICT DO NOTHING
"""
_NAME_OF_ANOTHER = """
SELECT 1 FROM operator
WHERE name = :name AND id <> :id AND coalesce(company_id, '') = coalesce(CAST(:company_id AS TEXT), '')
"""
_SET = """
UPDATE operator
SET name = coalesce(:name, name), email = coalesce(:email, email), role = coalesce(:role, role),
    active = coalesce(:active, active), grants = coalesce(:grants, grants),
    admin_until = coalesce(:admin_until, admin_until)
WHERE id = :id
"""
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
_EMAIL_LENGTH = 254


class AddOperator(Arguments, frozen=True):
    name: str
    email: str
    role: Role
    password: str | None = None
    """Its hash, made by `prepare`. None: the new operator sets it, with the one-time code in the answer."""
    company: str | None = None
    """None: an operator of the whole installation."""
    grants: tuple[str, ...] = ()


class ListOperators(Arguments, frozen=True):
    company: str | None = None


class ShowOperator(Arguments, frozen=True):
    person: str
    """Id or name."""
    company: str | None = None


class SetOperator(Arguments, frozen=True):
    person: str
    company: str | None = None
    name: str | None = None
    email: str | None = None
    role: Role | None = None
    active: bool | None = None
    grants: tuple[str, ...] | None = None
    """Replaces all of them."""


def add(session: Session, arguments: AddOperator) -> Answer:
    tx = session.tx
    company_id = resolve_company(tx, arguments.company)
    _require_operator(session, company_id)
    one_time_codes.ensure_own_password(session, company_id, arguments.password)
    name, operator_id = checked_name("operator", arguments.name), str(uuid.uuid4())
    grants = checked_members("command", arguments.grants, session.installation.commands)
    added = tx.run(
        _ADD,
        id=operator_id,
        name=name,
        email=_checked_email(arguments.email),
        role=arguments.role,
        company_id=company_id,
        grants=_json(grants),
        password=arguments.password or "",
        author=session.author,
        now=tx.now,
    )
    if not added:
        raise name_taken("operator", name)
    conflicts.record_involvement(tx, operator_id, session.author, "hired")
    conflicts.record_unsupervised(session, operator_id, company_id, "hired")
    session.record("operator.added", company_id, operator_id=operator_id, name=name, role=arguments.role, grants=grants)
    return operator_view(tx, operator_id)


def list_all(session: Session, arguments: ListOperators) -> Answer:
    company_id = resolve_company(session.tx, arguments.company)
    return {"operators": operator_views(session.tx, company_id)}


def show(session: Session, arguments: ShowOperator) -> Answer:
    return operator_view(session.tx, resolve(session.tx, OPERATOR, arguments.person, arguments.company))


def change(session: Session, arguments: SetOperator) -> Answer:
    tx, changes = session.tx, changed_fields(arguments, "name", "email", "role", "active", "grants")
    before = _before(session, arguments)
    _require_operator(session, before["company_id"])
    name, active = changes.get("name"), changes.get("active")
    if name is not None:
        _refuse_name(session, before, checked_name("operator", name))
    if "email" in changes:
        _checked_email(changes["email"])
    if "grants" in changes:
        changes["grants"] = checked_members("command", changes["grants"], session.installation.commands)
    values: dict[str, Any] = dict.fromkeys(("name", "email", "role", "grants")) | changes
    values |= {"active": None if active is None else int(active), "admin_until": _admin_until(session, before, changes)}
    if "grants" in changes:
        values["grants"] = _json(changes["grants"])
    if _gains_privileges(before, arguments):
        conflicts.record_unsupervised(session, before["id"], before["company_id"], "hired")
    tx.run(_SET, id=before["id"], **values)
    session.record("operator.set", before["company_id"], operator_id=before["id"], **changes)
    return operator_view(tx, before["id"])


def _refuse_name(session: Session, before: Answer, name: str) -> None:
    tx, company_id = session.tx, before["company_id"]
    if tx.one(_NAME_OF_ANOTHER, name=name, id=before["id"], company_id=company_id):
        raise name_taken("operator", name)
    if name != before["name"]:
        refuse_renaming(tx, before["id"], "operator")


def _admin_until(session: Session, before: Answer, changes: dict[str, Any]) -> int | None:
    """Now, where an active admin ceases to be one. Raises `OperationError` for the last admin in charge."""
    after = before | changes
    if not _is_admin(before) or _is_admin(after):
        return None
    if operators.active_admins(session.tx, before["company_id"]).keys() <= {before["id"]}:
        raise OperationError("last_admin", f"'{before['name']}' is the last admin in charge; add another first.")
    return session.tx.now


def _is_admin(operator: Answer) -> bool:
    return bool(operator["active"] and operator["role"] == "admin")


def _adds_privileges(session: Session, arguments: AddOperator) -> bool:
    one_time_codes.ensure_own_password(session, resolve_company(session.tx, arguments.company), arguments.password)
    return arguments.role != ROLES[0] or bool(arguments.grants)


def _need(session: Session, arguments: SetOperator) -> Need:
    """A pending change for more privileges, or for the name or address of another operator.

    One's own name and address need a second factor; removing privileges needs nothing.
    """
    before, operator = _before(session, arguments), session.operator
    renamed = {arguments.email, arguments.name} - {None, before["email"], before["name"]}
    of_another = renamed and (operator is None or operator.id != before["id"])
    if of_another or _gains_privileges(before, arguments):
        return Need.CHANGE
    return Need.SIGN_IN if renamed else Need.NOTHING


def _gains_privileges(before: Answer, arguments: SetOperator) -> bool:
    role, grants = arguments.role or before["role"], arguments.grants or ()
    return bool(
        ROLES.index(role) > ROLES.index(before["role"])
        or (arguments.active and not before["active"])
        or set(grants) - set(before["grants"])
    )


def _before(session: Session, arguments: SetOperator) -> Answer:
    return operator_view(session.tx, resolve(session.tx, OPERATOR, arguments.person, arguments.company))


def _require_operator(session: Session, company_id: str | None) -> None:
    """Once an admin is in charge, operators are changed by signed-in operators. Raises `OperationError`."""
    if operators.admins(session.tx, company_id, session.tx.now):
        authorization.signed_in_operator(session, second_factor=False)


def _issue_code(session: Session, _arguments: AddOperator, operator: Answer) -> Answer:
    """The one-time code with which the new operator sets the first password."""
    issued = one_time_codes.issue(session, operator["id"], operator["company_id"], "password")
    session.record(
        "operator.set", operator["company_id"], operator_id=operator["id"], credentials="password code issued"
    )
    return operator_view(session.tx, operator["id"]) | issued


def _hash_password(arguments: dict[str, Any]) -> dict[str, Any]:
    name, password = arguments.get("name"), arguments.get("password")
    if not (isinstance(name, str) and isinstance(password, str)):
        return arguments
    return arguments | {"password": hash_checked_password(password, checked_name("operator", name))}


def _checked_email(email: str) -> str:
    if len(email) > _EMAIL_LENGTH or not email.isprintable() or not _EMAIL.fullmatch(email):
        raise OperationError("invalid_email", "The e-mail address must look like name@example.com.")
    return email


def _json(grants: list[str]) -> str:
    return msgspec.json.encode(grants).decode()


OPERATIONS = (
    Operation(
        "operator add",
        AddOperator,
        add,
        role="admin",
        guard=depends(
            when(_adds_privileges, Need.SIGN_IN),
            "Makes an operator who approves, or who asks for commands.",
            "A viewer without a grant decides nothing.",
            bootstraps=True,
        ),
        secret=("password",),
        prompts=lambda signed_in_as, _arguments: signed_in_as is None,
        one_time_secret=OneTimeSecret(lambda _session, arguments: arguments.password is None, _issue_code),
        prepare=_hash_password,
    ),
    Operation("operator list", ListOperators, list_all, guard=reads()),
    Operation("operator show", ShowOperator, show, guard=reads()),
    Operation(
        "operator set",
        SetOperator,
        change,
        role="admin",
        guard=depends(
            _need,
            "Gives an operator more privileges, diverts another's announcements, or lets one pass for another.",
            "It removes privileges, and the last admin stays: a compromised operator must be stopped at once.",
            bootstraps=True,
        ),
    ),
)
