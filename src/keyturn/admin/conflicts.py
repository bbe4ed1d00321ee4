"""Conflicts of interest: who was involved in what within the last week, and so must not approve what comes of it.

One rule for all approvals, of commands and of changes: an operator who made, rotated or granted an application knows
its secrets or wanted its rights; one who hired another operator or reset the other's credentials could sign in as that
operator.

An operator is *unsupervised* for a week after being hired, promoted or given credentials from the shell while only
companies have admins: the installation has no admin who could approve it, and its first admin must be possible. The
admins of the companies are told, and the operator decides nothing until the week is over.
"""

from typing import Literal

from keyturn.admin.operation import Session
from keyturn.clock import SECOND
from keyturn.store.port import ReadTx, Tx

COOLING_OFF = 7 * 24 * 3600 * SECOND
"""Microseconds for which an involvement is a conflict of interest."""

Involvement = Literal["made", "rotated", "granted", "hired", "reset"]

SHELL = "shell"
"""Stands for the operator of an act from the shell that no admin could approve: its subject is unsupervised."""

_RECORD = """
INSERT INTO closeness (subject, operator_id, deed, at) VALUES (:subject, :who, :involvement, :now)
ON CONFLICT (subject, operator_id, deed) DO UPDATE SET at = excluded.at
"""
_HAVE_CONFLICT = """
SELECT 1 FROM closeness
WHERE at > :since AND ((subject = :one AND operator_id = :other) OR (subject = :other AND operator_id = :one))
"""
_UNSUPERVISED = f"SELECT 1 FROM closeness WHERE subject = :operator AND operator_id = '{SHELL}' AND at > :since"  # noqa: S608 - our own word
_INVOLVED_WITH_OWNERS = """
WITH behind (id) AS (
  SELECT operator_id FROM responsible_operator WHERE application_id = :actor
  UNION SELECT operator_id FROM closeness WHERE subject = :actor AND at > :since AND operator_id <> 'local'
)
SELECT 1 FROM closeness WHERE at > :since AND
"""
"""`behind`: owners of the application and operators involved with it; `local` is the shell, and no operator."""
_BEHIND = "IN (SELECT id FROM behind)"
_INVOLVED = "SELECT 1 FROM closeness WHERE subject = :actor AND operator_id = :operator AND at > :since AND deed = "
_LATELY = "within the last seven days."
_CONFLICTS: tuple[tuple[str, str], ...] = (
    ("SELECT 1 WHERE :actor = :operator", "Nobody approves what they asked for themselves."),
    (
        _UNSUPERVISED,
        f"The operator was hired, raised or given credentials from the shell, past every admin, {_LATELY}",
    ),
    (
        "SELECT 1 FROM responsible_operator WHERE application_id = :actor AND operator_id = :operator",
        "The operator is responsible for the application.",
    ),
    (f"{_INVOLVED} 'made'", f"The operator made the application {_LATELY}"),
    (f"{_INVOLVED} 'rotated'", f"The operator rotated a secret of the application {_LATELY}"),
    (f"{_INVOLVED} 'granted'", f"The operator proposed or approved what the application may do {_LATELY}"),
    (f"{_INVOLVED} 'hired'", f"The operator hired whoever asked {_LATELY}"),
    (f"{_INVOLVED} 'reset'", f"The operator reset the credentials of whoever asked {_LATELY}"),
    (
        "SELECT 1 FROM closeness WHERE subject = :operator AND operator_id = :actor AND at > :since",
        f"Whoever asked hired the operator or reset the operator's credentials {_LATELY}",
    ),
    (
        f"{_INVOLVED_WITH_OWNERS} operator_id = :operator AND subject {_BEHIND}",
        "The operator hired or reset the credentials of one responsible for the application, or close to it, "
        + _LATELY,
    ),
    (
        f"{_INVOLVED_WITH_OWNERS} subject = :operator AND operator_id {_BEHIND}",
        "One responsible for the application, or close to it, hired the operator or reset the operator's credentials "
        + _LATELY,
    ),
)
"""Queries that must return no row, each with the refusal where one does."""
_COMPANIES_WITH_ADMINS = """
SELECT DISTINCT company_id FROM operator
WHERE ((role = 'admin' AND active = 1) OR admin_until > :since) AND company_id IS NOT NULL
ORDER BY company_id
"""


def record_involvement(tx: Tx, subject: str, who: str, involvement: Involvement) -> None:
    """`who`, an operator's id or ``local``, did it now to `subject`, an application or an operator."""
    tx.run(_RECORD, subject=subject, who=who, involvement=involvement, now=tx.now)


def have_conflict(tx: ReadTx, one: str, other: str, now: int) -> bool:
    """Whether one operator lately hired the other or reset the other's credentials, and so could sign in as them."""
    return tx.one(_HAVE_CONFLICT, one=one, other=other, since=now - COOLING_OFF) is not None


def conflict_of_interest(tx: ReadTx, operator_id: str, actor: str, now: int) -> str | None:
    """Why the operator may not approve what an application or operator `actor` asked for; None when it may."""
    ids = {"actor": actor, "operator": operator_id, "since": now - COOLING_OFF}
    return next((reason for sql, reason in _CONFLICTS if tx.one(sql, **ids)), None)


def is_unsupervised(tx: ReadTx, operator_id: str, now: int) -> bool:
    """Whether the operator lately got its role or credentials past every admin, and so decides nothing."""
    return tx.one(_UNSUPERVISED, operator=operator_id, since=now - COOLING_OFF) is not None


def companies_with_admins(tx: ReadTx) -> list[str]:
    """Ids of the companies that have admins of their own in charge."""
    return [str(row[0]) for row in tx.all(_COMPANIES_WITH_ADMINS, since=tx.now - COOLING_OFF)]


def record_unsupervised(session: Session, operator_id: str, company_id: str | None, involvement: Involvement) -> None:
    """Record an act on an operator of `company_id`; it counts from the shell, on one of the whole installation."""
    if session.operator is None and company_id is None:
        record_unsupervised_code(session, operator_id, involvement)


def record_unsupervised_code(session: Session, operator_id: str, involvement: Involvement) -> None:
    """The same of an operator of the whole installation, by any actor: one who uses a code from the shell, too."""
    companies = companies_with_admins(session.tx)
    if companies:
        record_involvement(session.tx, operator_id, SHELL, involvement)
    for company_id in companies:
        session.record("operator.unwatched", company_id, operator_id=operator_id, deed=involvement)
