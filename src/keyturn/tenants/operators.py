"""Operators: who is in charge, and who is too close to something to approve it."""

from keyturn.clock import SECOND
from keyturn.store.port import ReadTx, Tx
from keyturn.tenants.principal import Operator, Role

WARY = 7 * 24 * 3600 * SECOND
"""For so long, whoever made an application or reset somebody's credentials is too close to approve."""

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
_RESET = """
INSERT INTO credential_reset (operator_id, reset_by, reset_at) VALUES (:id, :by, :now)
ON CONFLICT (operator_id, reset_by) DO UPDATE SET reset_at = excluded.reset_at
"""
_ENTANGLED = """
SELECT 1 FROM credential_reset
WHERE reset_at > :since
  AND ((operator_id = :one AND reset_by = :other) OR (operator_id = :other AND reset_by = :one))
"""
_COMPANY_OF_APPLICATION = "SELECT company_id FROM application WHERE id = :id"
_TOO_CLOSE: tuple[tuple[str, str], ...] = (
    (
        "SELECT 1 FROM responsible_operator WHERE application_id = :application AND operator_id = :operator",
        "The operator is responsible for the application.",
    ),
    (
        "SELECT 1 FROM application WHERE id = :application AND created_by = :operator AND created_at > :since",
        "The operator made the application within the last seven days.",
    ),
    (
        """SELECT 1 FROM responsible_operator r JOIN credential_reset c ON c.operator_id = r.operator_id
        WHERE r.application_id = :application AND c.reset_by = :operator AND c.reset_at > :since""",
        "The operator reset the credentials of one responsible for the application within the last seven days.",
    ),
    (
        """SELECT 1 FROM responsible_operator r JOIN credential_reset c ON c.reset_by = r.operator_id
        WHERE r.application_id = :application AND c.operator_id = :operator AND c.reset_at > :since""",
        "One responsible for the application reset the operator's credentials within the last seven days.",
    ),
)
"""What must not be there, and how it is said."""


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


def keep_reset(tx: Tx, operator_id: str, by: str) -> None:
    """`by` is an operator's id or ``local``."""
    tx.run(_RESET, id=operator_id, by=by, now=tx.now)


def entangled(tx: ReadTx, one: str, other: str, now: int) -> bool:
    """Whether one of the two reset the other's credentials lately, and so could sign in as them."""
    return tx.one(_ENTANGLED, one=one, other=other, since=now - WARY) is not None


def may_approve(tx: ReadTx, operator: Operator, application_id: str, now: int) -> str | None:
    """Why the operator may not approve what the application asked for; None when it may."""
    company = tx.one(_COMPANY_OF_APPLICATION, id=application_id)
    if company is None or not covers(operator, company[0]):
        return "There is no such application."
    least: Role = "approver"
    if not (is_current(tx, operator) and operator.ranks(least)):
        return "The operator is not an active approver or admin."
    if not operator.second_factor:
        return "The operator signed in without a second factor."
    ids = {"application": application_id, "operator": operator.id, "since": now - WARY}
    return next((reason for sql, reason in _TOO_CLOSE if tx.one(sql, **ids)), None)
