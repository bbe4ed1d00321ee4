"""Applies pending changes when their notice is over, and hands out the secrets that they make."""

from collections.abc import Iterable
from functools import partial

import msgspec
import structlog

from keyturn.admin import operators, pending_changes, pinned_references
from keyturn.admin.operation import Answer, Installation, Operation, Session, find_operation, parse_arguments
from keyturn.admin.pending_changes import Change
from keyturn.admin.pinned_references import PinnedReferences
from keyturn.auth.keyring import Keyring
from keyturn.auth.principal import Operator
from keyturn.errors import OperationError
from keyturn.store.port import ReadTx, Store, StoreUnavailable, Tx

log = structlog.get_logger()

_DUE = """
SELECT id FROM change
WHERE (state = 'pending' AND effective_at <= :now) OR (state = 'waiting' AND lapses_at <= :now)
ORDER BY proposed_at, id
"""
_HOLD = "UPDATE change SET result = :result, collect_by = :collect_by WHERE id = :id"
_COLLECT = "UPDATE change SET collected_at = :now, result = NULL WHERE id = :id AND collected_at IS NULL"
_ENGINE = "engine"


async def apply_due(
    store: Store, keyring: Keyring, installation: Installation, operations: Iterable[Operation]
) -> None:
    """Apply every change whose notice is over, and end every one that was not approved in time.

    Each is a unit of work of its own: an error undoes that change alone, and is stored with it.
    """
    for change_id in await store.read(_due):
        try:
            await store.write(partial(_apply, keyring, installation, operations, change_id))
        except StoreUnavailable:
            raise
        except Exception as error:  # an internal error must neither block the other changes nor recur
            problem = str(error) if isinstance(error, OperationError) else "Internal error; see the log."
            log.warning("a change was not made", change=change_id, error=type(error).__name__)
            await store.write(partial(_fail, change_id=change_id, problem=problem))


def _due(tx: ReadTx) -> list[str]:
    return [str(row[0]) for row in tx.all(_DUE, now=tx.now)]


def _apply(
    keyring: Keyring, installation: Installation, operations: Iterable[Operation], change_id: str, tx: Tx
) -> None:
    """Check its proposer, approver and references as they are now, and do it. Raises `OperationError`."""
    change = pending_changes.load(tx, change_id)
    if change.state == "waiting" and change.lapses_at is not None and change.lapses_at <= tx.now:
        pending_changes.end(tx, change, "lapsed", "change.expired", _ENGINE)
    if change.state != "pending" or change.effective_at is None or change.effective_at > tx.now:
        return
    operation, proposer = find_operation(operations, change.operation), _load_in_charge(tx, change, change.proposed_by)
    if change.approved_by is not None:
        _load_in_charge(tx, change, change.approved_by)
    if change.named is None:
        raise OperationError("proposed_before", "It was proposed before an upgrade; propose it again.")
    pinned_references.ensure_same_references(tx, msgspec.json.decode(change.named, type=PinnedReferences))
    hidden = msgspec.json.decode(keyring.unseal(change.sealed, change.id)) if change.sealed else {}
    arguments = parse_arguments(operation, msgspec.json.decode(change.arguments) | hidden)
    secret, table, actor = operation.one_time_secret, tuple(operations), f"operator:{proposer.id}"
    session = Session(tx, keyring, installation, actor, proposer, change.approved_by, table)
    collect_by = tx.now + pending_changes.LIFE if secret is not None and secret.when(session, arguments) else None
    pending_changes.end(tx, change, "applied", "change.applied", _ENGINE, collect_by=collect_by)
    answer = operation.run(session, arguments)
    if collect_by is not None:
        tx.run(_HOLD, id=change.id, result=pending_changes.encode_json(answer), collect_by=collect_by)


def collect(session: Session, change: Change) -> Answer:
    """Make the secret of an applied change, once, for its proposer. Raises `OperationError`."""
    tx = session.tx
    if change.collect_by is None or session.author != change.proposed_by:
        raise OperationError("nothing_to_collect", "The change has no secret for you.")
    if change.collected_at is not None or change.result is None:
        raise OperationError("collected", "The secret of this change was fetched; it is not shown again.")
    if change.collect_by <= tx.now:
        raise OperationError("too_late", "The secret of this change was not fetched within a day; propose it again.")
    pinned_references.ensure_same_references(tx, msgspec.json.decode(change.named or "{}", type=PinnedReferences))
    operation = find_operation(session.operations, change.operation)
    arguments = parse_arguments(operation, msgspec.json.decode(change.arguments))
    if operation.one_time_secret is None or tx.run(_COLLECT, id=change.id, now=tx.now) != 1:
        raise OperationError("collected", "The secret of this change was fetched; it is not shown again.")
    pending_changes.record_change(tx, "change.collected", change, session.actor)
    return operation.one_time_secret.make(session, arguments, msgspec.json.decode(change.result))


def _load_in_charge(tx: ReadTx, change: Change, operator_id: str) -> Operator:
    """The operator as it is now, who must still be an admin in charge. Raises `OperationError`."""
    operator = operators.load(tx, operator_id, second_factor=True)
    if operator is None or not (operator.ranks("admin") and operators.covers(operator, change.company_id)):
        raise OperationError("not_in_charge", "Its proposer or approver is no longer an admin in charge.")
    return operator


def _fail(tx: Tx, change_id: str, problem: str) -> None:
    pending_changes.end(tx, pending_changes.load(tx, change_id), "failed", "change.failed", _ENGINE, problem)
