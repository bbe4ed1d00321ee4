"""Operators: who is in charge, and who is too close to something to approve it."""

from keyturn.admin.conflicts import WARY, conflict_with
from keyturn.auth.principal import Operator, Role
from keyturn.store.port import ReadTx

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


def load(tx: ReadTx, operator_id: str, *, second_factor: bool) -> Operator | None:
    """The active operator as it is now."""
    row = tx.one(_LOAD, id=operator_id)
    if row is None:
        return None
    id_, name, role, company_id = row
    return Operator(id_, name, role, company_id, second_factor)


def is_current(tx: ReadTx, operator: Operator) -> bool:
    """Whether it is still active, and what it was."""
    return load(tx, operator.id, second_factor=operator.second_factor) == operator


def covers(operator: Operator, company_id: str | None) -> bool:
    """Whether things of the company, or with None the installation's own, are in the operator's reach."""
    return operator.company_id is None or operator.company_id == company_id


def admins(tx: ReadTx, company_id: str | None, now: int) -> list[str]:
    """Ids of those in charge of the company or the installation.

    Whoever ceased to be an admin counts for `WARY` more: nobody gets to decide alone by removing the second person.
    """
    return [str(row[0]) for row in tx.all(_ADMINS, company_id=company_id, since=now - WARY)]


def active_admins(tx: ReadTx, company_id: str | None) -> dict[str, str]:
    """E-mail addresses, by id, of those who can act now."""
    addresses: dict[str, str] = dict(tx.all(_ACTIVE_ADMINS, company_id=company_id))
    return addresses


def emails(tx: ReadTx, company_id: str | None) -> list[str]:
    """Addresses of the active admins in charge."""
    return list(active_admins(tx, company_id).values())


def may_approve(tx: ReadTx, operator: Operator, actor: str, now: int) -> str | None:
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
    return conflict_with(tx, operator.id, actor, now)
