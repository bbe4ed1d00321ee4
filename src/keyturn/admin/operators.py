"""Operators: look-ups, who is in charge of what, who owns an application, and who may approve."""

import msgspec

from keyturn.admin.conflicts import COOLING_OFF, conflict_of_interest
from keyturn.admin.operation import Answer
from keyturn.admin.references import resolve_in_reach
from keyturn.auth.principal import Operator, Role
from keyturn.clock import iso_time, iso_time_or_none
from keyturn.store.port import ReadTx, Row, Tx

_LOAD = "SELECT id, name, role, company_id FROM operator WHERE id = :id AND active = 1"
_ADMINS = """
SELECT id FROM operator
WHERE ((role = 'admin' AND active = 1) OR admin_until > :since)
  AND (company_id IS NULL OR company_id = :company_id)
ORDER BY id
"""
_ACTIVE_ADMINS = """
SELECT id, email FROM operator
WHERE role = 'admin' AND active = 1 AND (company_id IS NULL OR company_id = :company_id)
ORDER BY email
"""
_COMPANY_OF_APPLICATION = "SELECT company_id FROM application WHERE id = :id"
_OWNERS = """
SELECT o.id, o.name FROM responsible_operator r JOIN operator o ON o.id = r.operator_id
WHERE r.application_id = :id ORDER BY o.name
"""
_DROP_OWNERS = "DELETE FROM responsible_operator WHERE application_id = :id"
_ADD_OWNER = "INSERT INTO responsible_operator (application_id, operator_id) VALUES (:id, :operator_id)"
_SELECT = """
SELECT o.id, o.name, o.email, o.role, c.name, o.company_id, o.grants, o.totp IS NOT NULL, o.active, o.created_by,
       o.created_at,
       (SELECT n.operator_id FROM closeness n WHERE n.subject = o.id AND n.deed = 'reset'
        ORDER BY n.at DESC, 1 LIMIT 1),
       (SELECT max(n.at) FROM closeness n WHERE n.subject = o.id AND n.deed = 'reset')
FROM operator o LEFT JOIN company c ON c.id = o.company_id
"""
_LIST = f"{_SELECT} WHERE CAST(:company_id AS TEXT) IS NULL OR o.company_id = :company_id ORDER BY o.name"
_SHOW = f"{_SELECT} WHERE o.id = :id"


def load(tx: ReadTx, operator_id: str, *, second_factor: bool) -> Operator | None:
    """The active operator as it is now."""
    row = tx.one(_LOAD, id=operator_id)
    if row is None:
        return None
    id_, name, role, company_id = row
    return Operator(id_, name, role, company_id, second_factor)


def is_current(tx: ReadTx, operator: Operator) -> bool:
    """Whether it is active, and has the same name, role and company as at its sign-in."""
    return load(tx, operator.id, second_factor=operator.second_factor) == operator


def covers(operator: Operator, company_id: str | None) -> bool:
    """Whether things of the company, or with None the installation's own, are in the operator's reach."""
    return operator.company_id is None or operator.company_id == company_id


def admins(tx: ReadTx, company_id: str | None, now: int) -> list[str]:
    """Ids of the admins in charge of the company or, with None, of the installation.

    A former admin counts for `COOLING_OFF` more, so that removing the second admin lets no admin decide alone.
    """
    return [str(row[0]) for row in tx.all(_ADMINS, company_id=company_id, since=now - COOLING_OFF)]


def active_admins(tx: ReadTx, company_id: str | None) -> dict[str, str]:
    """E-mail addresses, by id, of the admins in charge who can sign in now."""
    addresses: dict[str, str] = dict(tx.all(_ACTIVE_ADMINS, company_id=company_id))
    return addresses


def admin_emails(tx: ReadTx, company_id: str | None) -> list[str]:
    """Addresses of the active admins in charge."""
    return list(active_admins(tx, company_id).values())


def approval_refusal(tx: ReadTx, operator: Operator, actor: str, now: int) -> str | None:
    """Why the operator may not approve what `actor`, an application or an operator, asked for; None when it may."""
    company = tx.one(_COMPANY_OF_APPLICATION, id=actor)
    if company is None and tx.one(_LOAD, id=actor) is None:
        return "There is no such application."
    if company is not None and not covers(operator, company[0]):
        return "There is no such application."
    least: Role = "approver"
    if not (is_current(tx, operator) and operator.ranks(least)):
        return "The operator is not an active approver or admin."
    if not operator.second_factor:
        return "The operator signed in without a second factor."
    return conflict_of_interest(tx, operator.id, actor, now)


def owner_ids(tx: ReadTx, application_id: str) -> tuple[str, ...]:
    """Ids of the operators who are responsible for the application, sorted; none of them approves its commands."""
    return tuple(sorted(row[0] for row in tx.all(_OWNERS, id=application_id)))


def owner_names(tx: ReadTx, application_id: str) -> list[str]:
    """Their names, sorted."""
    return [name for _, name in tx.all(_OWNERS, id=application_id)]


def leaves_out_owner(tx: ReadTx, application_id: str, company_id: str, references: tuple[str, ...]) -> bool:
    """Whether a present owner of the application is not among `references`. Raises `OperationError`."""
    return bool({row[0] for row in tx.all(_OWNERS, id=application_id)} - _resolve_owners(tx, company_id, references))


def replace_owners(tx: Tx, application_id: str, company_id: str, references: tuple[str, ...]) -> list[str]:
    """Make the operators with these ids or names the only owners; their ids. Raises `OperationError`."""
    owners = sorted(_resolve_owners(tx, company_id, references))
    tx.run(_DROP_OWNERS, id=application_id)
    for operator_id in owners:
        tx.run(_ADD_OWNER, id=application_id, operator_id=operator_id)
    return owners


def _resolve_owners(tx: ReadTx, company_id: str, references: tuple[str, ...]) -> set[str]:
    """Active operators in reach of the company; one of another company is not found."""
    return {resolve_in_reach(tx, reference, company_id) for reference in references}


def operator_view(tx: ReadTx, operator_id: str) -> Answer:
    """The operator without its secrets."""
    return _view(tx.all(_SHOW, id=operator_id)[0])


def operator_views(tx: ReadTx, company_id: str | None) -> list[Answer]:
    """Every operator of the company, or with None every one there is, by name."""
    return [_view(row) for row in tx.all(_LIST, company_id=company_id)]


def _view(row: Row) -> Answer:
    operator_id, name, email, role, company, company_id, grants, enrolled, active, created_by, created_at, *reset = row
    reset_by, reset_at = reset
    return {
        "id": operator_id,
        "name": name,
        "email": email,
        "role": role,
        "company": company,
        "company_id": company_id,
        "grants": msgspec.json.decode(grants),
        "second_factor": bool(enrolled),
        "active": bool(active),
        "created_by": created_by,
        "created_at": iso_time(created_at),
        "password_reset_by": reset_by,
        "password_reset_at": iso_time_or_none(reset_at),
    }
