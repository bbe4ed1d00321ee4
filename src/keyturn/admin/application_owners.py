"""The operators who answer for an application: none of them approves what it asks for."""

from keyturn.admin.references import resolve_in_reach
from keyturn.store.port import ReadTx, Tx

_LIST = """
SELECT o.id, o.name FROM responsible_operator r JOIN operator o ON o.id = r.operator_id
WHERE r.application_id = :id ORDER BY o.name
"""
_DROP = "DELETE FROM responsible_operator WHERE application_id = :id"
_ADD = "INSERT INTO responsible_operator (application_id, operator_id) VALUES (:id, :operator_id)"


def ids(tx: ReadTx, application_id: str) -> tuple[str, ...]:
    return tuple(sorted(row[0] for row in tx.all(_LIST, id=application_id)))


def names(tx: ReadTx, application_id: str) -> list[str]:
    return [name for _, name in tx.all(_LIST, id=application_id)]


def leaves_out(tx: ReadTx, application_id: str, company_id: str, named: tuple[str, ...]) -> bool:
    """Whether somebody who answers for the application now is not among those named. Raises `OperationError`."""
    return bool({row[0] for row in tx.all(_LIST, id=application_id)} - _ids(tx, company_id, named))


def replace(tx: Tx, application_id: str, company_id: str, named: tuple[str, ...]) -> list[str]:
    """From now on those named, by id or name, and nobody else; their ids. Raises `OperationError`."""
    chosen = sorted(_ids(tx, company_id, named))
    tx.run(_DROP, id=application_id)
    for operator_id in chosen:
        tx.run(_ADD, id=application_id, operator_id=operator_id)
    return chosen


def _ids(tx: ReadTx, company_id: str, named: tuple[str, ...]) -> set[str]:
    """Active operators in reach of the company; another is not there."""
    return {resolve_in_reach(tx, reference, company_id) for reference in named}
