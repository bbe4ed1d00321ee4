"""What is done from the shell to operators of the whole installation while only companies have admins.

Nobody is in charge of the installation, so nobody can be asked: it is done at once, or a first admin could never come.
But admins of companies are in its reach. They are told, and whoever came by it decides nothing for a week.
"""

from keyturn.store.port import ReadTx
from keyturn.tenants import closeness
from keyturn.tenants.administration import Session

_COMPANIES = """
SELECT DISTINCT company_id FROM operator
WHERE ((role = 'admin' AND active = 1) OR admin_until > :since) AND company_id IS NOT NULL
ORDER BY company_id
"""


def companies(tx: ReadTx) -> list[str]:
    """Ids of the companies that have admins of their own in charge."""
    return [str(row[0]) for row in tx.all(_COMPANIES, since=tx.now - closeness.WARY)]


def keep(session: Session, operator_id: str, company_id: str | None, deed: closeness.Deed) -> None:
    """To be called of whoever is hired, given more, or given credentials; `company_id` is that operator's."""
    if session.operator is None and company_id is None:
        keep_by_code(session, operator_id, deed)


def keep_by_code(session: Session, operator_id: str, deed: closeness.Deed) -> None:
    """The same of an operator of the whole installation, whoever acts now."""
    found = companies(session.tx)
    if found:
        closeness.keep(session.tx, operator_id, closeness.SHELL, deed)
    for each in found:
        session.record("operator.unwatched", each, operator_id=operator_id, deed=deed)
