"""Pending changes: guarded operations that wait for a second admin, or for their notice to end."""

import uuid
from typing import Any

import msgspec

from keyturn.admin import operators
from keyturn.admin.operation import Answer, Arguments, Operation, Session
from keyturn.admin.pinned_references import PinnedReferences
from keyturn.audit import journal
from keyturn.auth import lockouts
from keyturn.auth.principal import Operator
from keyturn.clock import SECOND, iso_time_or_none
from keyturn.errors import OperationError
from keyturn.store.port import ReadTx, Tx

LIFE = 24 * 3600 * SECOND
"""Microseconds for which a change waits for an approval, and for which its proposer can collect its secret."""

_ADD = """
INSERT INTO change
  (id, operation, arguments, sealed, named, notice, company_id, state, proposed_by, proposed_at, lapses_at,
   effective_at)
VALUES
  (:id, :operation, :arguments, :sealed, :named, :notice, :company_id, :state, :proposed_by, :now, :lapses_at,
   :effective_at)
"""
_SELECT = """
SELECT id, operation, arguments, sealed, company_id, state, proposed_by, proposed_at, approved_by, lapses_at,
       effective_at, ended_by, ended_at, problem, named, result, collect_by, collected_at
FROM change
WHERE (CAST(:company_id AS TEXT) IS NULL OR company_id = :company_id)
"""
_LOAD = f"{_SELECT} AND id = :id FOR UPDATE"
_LIST = f"{_SELECT} ORDER BY proposed_at DESC, id LIMIT :limit"
_APPROVE = """
UPDATE change SET state = 'pending', approved_by = :by, lapses_at = NULL, effective_at = :effective_at WHERE id = :id
"""
_END = """
UPDATE change SET state = :state, ended_by = :by, ended_at = :now, problem = :problem, sealed = NULL WHERE id = :id
"""
_INSTANTS = ("proposed_at", "lapses_at", "effective_at", "ended_at", "collect_by", "collected_at")


class Change(msgspec.Struct, frozen=True):
    """A row of the table `change`: the operation, its arguments, who proposed and approved it, and its state."""

    id: str
    operation: str
    arguments: str
    sealed: bytes | None
    company_id: str | None
    state: str
    proposed_by: str
    proposed_at: int
    approved_by: str | None
    lapses_at: int | None
    effective_at: int | None
    ended_by: str | None
    ended_at: int | None
    problem: str | None
    named: str | None
    """`PinnedReferences` as JSON; None: proposed before Keyturn stored them."""
    result: str | None
    """The operation's answer as JSON, until the proposer collects the secret that it makes."""
    collect_by: int | None
    collected_at: int | None


def add(
    session: Session,
    operation: Operation,
    arguments: Arguments,
    references: PinnedReferences,
    company_id: str | None,
    *,
    alone: bool,
) -> Change:
    """Store and announce it. An admin who is `alone` in charge needs no approval."""
    tx, change_id, notice = session.tx, str(uuid.uuid4()), session.installation.delay
    visible: dict[str, Any] = msgspec.to_builtins(arguments)
    hidden = {name: visible.pop(name) for name in (*operation.secret, *operation.sealed) if name in visible}
    tx.run(
        _ADD,
        id=change_id,
        operation=operation.name,
        arguments=encode_json(visible),
        sealed=session.keyring.seal(msgspec.json.encode(hidden), change_id) if any(hidden.values()) else None,
        named=encode_json(references),
        notice=notice,
        company_id=company_id,
        state="pending" if alone else "waiting",
        proposed_by=session.author,
        now=tx.now,
        lapses_at=None if alone else tx.now + LIFE,
        effective_at=_end_of_notice(tx, company_id, notice) if alone else None,
    )
    change = load(tx, change_id)
    view = change_view(change)
    announced = {name: view[name] for name in ("arguments", "named", "needs")}
    record_change(tx, "change.proposed", change, session.actor, **announced)
    return change


def _end_of_notice(tx: ReadTx, company_id: str | None, notice: int) -> int:
    """The end of a notice that begins now; it begins after the last lock-out of an active admin in charge."""
    begins = max([tx.now, *(lockouts.locked_until(tx, each) or 0 for each in operators.active_admins(tx, company_id))])
    return begins + notice if notice else tx.now


def load(tx: ReadTx, change_id: str, company_id: str | None = None) -> Change:
    """The change, locked; with `company_id` only one of that company. Raises `OperationError`."""
    row = tx.one(_LOAD, id=change_id, company_id=company_id)
    if row is None:
        raise OperationError("not_found", f"There is no change '{change_id}'.")
    return Change(*row)


def newest(tx: ReadTx, company_id: str | None, limit: int) -> list[Change]:
    """Newest first; None: of every company and the installation."""
    return [Change(*row) for row in tx.all(_LIST, company_id=company_id, limit=limit)]


def approve(tx: Tx, change: Change, by: Operator, delay: int) -> None:
    """The change takes effect after a notice of `delay` microseconds."""
    effective_at = _end_of_notice(tx, change.company_id, delay)
    tx.run(_APPROVE, id=change.id, by=by.id, effective_at=effective_at)
    record_change(tx, "change.approved", load(tx, change.id), f"operator:{by.id}")


def end(
    tx: Tx,
    change: Change,
    state: str,
    kind: str,
    actor: str,
    problem: str | None = None,
    collect_by: int | None = None,
) -> None:
    """End the change in `state` and delete its sealed arguments; `kind` is that of the audit entry."""
    tx.run(_END, id=change.id, state=state, by=actor, now=tx.now, problem=problem)
    record_change(tx, kind, change, actor, problem=problem, collect_by=iso_time_or_none(collect_by))


def change_view(change: Change) -> Answer:
    """The change without its secrets."""
    return {
        "change": change.id,
        "operation": change.operation,
        "arguments": msgspec.json.decode(change.arguments),
        "named": msgspec.json.decode(change.named) if change.named else {},
        "company_id": change.company_id,
        "state": change.state,
        "needs": "approval" if change.state == "waiting" else None,
        "proposed_by": change.proposed_by,
        "approved_by": change.approved_by,
        "ended_by": change.ended_by,
        "problem": change.problem,
        **{name: iso_time_or_none(getattr(change, name)) for name in _INSTANTS},
    }


def record_change(tx: Tx, kind: str, change: Change, actor: str, **body: Any) -> None:
    """Write an audit entry about the change."""
    journal.record(
        tx,
        kind,
        company_id=change.company_id,
        actor=actor,
        change=change.id,
        operation=change.operation,
        lapses_at=iso_time_or_none(change.lapses_at),
        effective_at=iso_time_or_none(change.effective_at),
        **body,
    )


def encode_json(value: object) -> str:
    return msgspec.json.encode(value).decode()
