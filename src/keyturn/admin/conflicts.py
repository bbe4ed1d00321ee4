"""Who had a hand in what within the last week, and so is too close to approve what comes of it.

One notion for every approval, of commands and of changes: who made, rotated or granted an application knows its
secrets or wanted its power; who hired an operator or reset the operator's credentials could sign in as that operator.

What is done from the shell to operators of the whole installation while only companies have admins.

Nobody is in charge of the installation, so nobody can be asked: it is done at once, or a first admin could never come.
But admins of companies are in its reach. They are told, and whoever came by it decides nothing for a week.
"""

from typing import Literal

from keyturn.admin import conflicts
from keyturn.admin.operation import Session
from keyturn.clock import SECOND
from keyturn.store.port import ReadTx, Tx

COOLING_OFF = 7 * 24 * 3600 * SECOND
"""For so long a deed makes close."""

Involvement = Literal["made", "rotated", "granted", "hired", "reset"]

SHELL = "shell"
"""Whoever acted from the shell where admins of companies were in charge and nobody could be asked; see `unwatched`."""

_KEEP = """
INSERT INTO closeness (subject, operator_id, deed, at) VALUES (:subject, :who, :deed, :now)
ON CONFLICT (subject, operator_id, deed) DO UPDATE SET at = excluded.at
"""
_ENTANGLED = """
SELECT 1 FROM closeness
WHERE at > :since AND ((subject = :one AND operator_id = :other) OR (subject = :other AND operator_id = :one))
"""
_UNWATCHED = f"SELECT 1 FROM closeness WHERE subject = :operator AND operator_id = '{SHELL}' AND at > :since"  # noqa: S608 - our own word
_NEAR_THOSE_BEHIND = """
WITH behind (id) AS (
  SELECT operator_id FROM responsible_operator WHERE application_id = :actor
  UNION SELECT operator_id FROM closeness WHERE subject = :actor AND at > :since AND operator_id <> 'local'
)
SELECT 1 FROM closeness WHERE at > :since AND
"""
"""What was done from the shell was done by nobody."""
_BEHIND = "IN (SELECT id FROM behind)"
_DEED = "SELECT 1 FROM closeness WHERE subject = :actor AND operator_id = :operator AND at > :since AND deed = "
_LATELY = "within the last seven days."
_TOO_CLOSE: tuple[tuple[str, str], ...] = (
    ("SELECT 1 WHERE :actor = :operator", "Nobody approves what they asked for themselves."),
    (_UNWATCHED, f"The operator was hired, raised or given credentials from the shell, past every admin, {_LATELY}"),
    (
        "SELECT 1 FROM responsible_operator WHERE application_id = :actor AND operator_id = :operator",
        "The operator is responsible for the application.",
    ),
    (f"{_DEED} 'made'", f"The operator made the application {_LATELY}"),
    (f"{_DEED} 'rotated'", f"The operator rotated a secret of the application {_LATELY}"),
    (f"{_DEED} 'granted'", f"The operator proposed or approved what the application may do {_LATELY}"),
    (f"{_DEED} 'hired'", f"The operator hired whoever asked {_LATELY}"),
    (f"{_DEED} 'reset'", f"The operator reset the credentials of whoever asked {_LATELY}"),
    (
        "SELECT 1 FROM closeness WHERE subject = :operator AND operator_id = :actor AND at > :since",
        f"Whoever asked hired the operator or reset the operator's credentials {_LATELY}",
    ),
    (
        f"{_NEAR_THOSE_BEHIND} operator_id = :operator AND subject {_BEHIND}",
        "The operator hired or reset the credentials of one responsible for the application, or close to it, "
        + _LATELY,
    ),
    (
        f"{_NEAR_THOSE_BEHIND} subject = :operator AND operator_id {_BEHIND}",
        "One responsible for the application, or close to it, hired the operator or reset the operator's credentials "
        + _LATELY,
    ),
)
"""What must not be there, and how it is said."""


def record_involvement(tx: Tx, subject: str, who: str, deed: Involvement) -> None:
    """`who`, an operator's id or ``local``, did it now to an application or an operator."""
    tx.run(_KEEP, subject=subject, who=who, deed=deed, now=tx.now)


def have_conflict(tx: ReadTx, one: str, other: str, now: int) -> bool:
    """Whether one operator hired the other or reset the other's credentials lately, and so could sign in as them."""
    return tx.one(_ENTANGLED, one=one, other=other, since=now - COOLING_OFF) is not None


def is_unsupervised(tx: ReadTx, operator_id: str, now: int) -> bool:
    """Whether the operator came by its power or its credentials past every admin lately, and so decides nothing."""
    return tx.one(_UNWATCHED, operator=operator_id, since=now - COOLING_OFF) is not None


def conflict_of_interest(tx: ReadTx, operator_id: str, actor: str, now: int) -> str | None:
    """Why the operator may not approve what an application or operator `actor` asked for; None when it may."""
    ids = {"actor": actor, "operator": operator_id, "since": now - COOLING_OFF}
    return next((reason for sql, reason in _TOO_CLOSE if tx.one(sql, **ids)), None)


_COMPANIES = """
SELECT DISTINCT company_id FROM operator
WHERE ((role = 'admin' AND active = 1) OR admin_until > :since) AND company_id IS NOT NULL
ORDER BY company_id
"""


def companies_with_admins(tx: ReadTx) -> list[str]:
    """Ids of the companies that have admins of their own in charge."""
    return [str(row[0]) for row in tx.all(_COMPANIES, since=tx.now - conflicts.COOLING_OFF)]


def record_unsupervised(
    session: Session, operator_id: str, company_id: str | None, deed: conflicts.Involvement
) -> None:
    """To be called of whoever is hired, given more, or given credentials; `company_id` is that operator's."""
    if session.operator is None and company_id is None:
        record_unsupervised_code(session, operator_id, deed)


def record_unsupervised_code(session: Session, operator_id: str, deed: conflicts.Involvement) -> None:
    """The same of an operator of the whole installation, whoever acts now."""
    found = companies_with_admins(session.tx)
    if found:
        conflicts.record_involvement(session.tx, operator_id, conflicts.SHELL, deed)
    for each in found:
        session.record("operator.unwatched", each, operator_id=operator_id, deed=deed)
