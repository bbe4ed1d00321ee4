"""Guarded changes: announced to every admin in charge, and made only when nobody among them stopped them."""

import uuid
from collections.abc import Iterable
from functools import partial
from typing import Any

import msgspec
import structlog

from keyturn.admin import operators, pinned_references
from keyturn.admin.operation import Answer, Arguments, Installation, Operation, Session, find, parse_arguments
from keyturn.admin.pinned_references import PinnedReferences
from keyturn.audit import journal
from keyturn.auth import lockouts
from keyturn.auth.keyring import Keyring
from keyturn.auth.principal import Operator
from keyturn.clock import SECOND, iso_time_or_none
from keyturn.errors import OperationError
from keyturn.store.port import ReadTx, Store, StoreUnavailable, Tx

log = structlog.get_logger()

LIFE = 24 * 3600 * SECOND
"""How long a change waits for an approval, and what it made for its proposer."""

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
_DUE = """
SELECT id FROM change
WHERE (state = 'pending' AND effective_at <= :now) OR (state = 'waiting' AND lapses_at <= :now)
ORDER BY proposed_at, id
"""
_APPROVE = """
UPDATE change SET state = 'pending', approved_by = :by, lapses_at = NULL, effective_at = :effective_at WHERE id = :id
"""
_END = """
UPDATE change SET state = :state, ended_by = :by, ended_at = :now, problem = :problem, sealed = NULL WHERE id = :id
"""
_HOLD = "UPDATE change SET result = :result, collect_by = :collect_by WHERE id = :id"
_COLLECT = "UPDATE change SET collected_at = :now, result = NULL WHERE id = :id AND collected_at IS NULL"
_INSTANTS = ("proposed_at", "lapses_at", "effective_at", "ended_at", "collect_by", "collected_at")
_ENGINE = "engine"


class Change(msgspec.Struct, frozen=True):
    """A row: what shall be done, on whose word, and how far it has come."""

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
    """What the arguments refer to, as JSON; None: proposed by a Keyturn that did not keep it."""
    result: str | None
    """What was done, as JSON, while a secret is to be made of it."""
    collect_by: int | None
    collected_at: int | None


def add(
    session: Session,
    operation: Operation,
    arguments: Arguments,
    names: PinnedReferences,
    company_id: str | None,
    *,
    alone: bool,
) -> Change:
    """Keep and announce it; nothing more is needed from somebody who is `alone` in charge."""
    tx, change_id, notice = session.tx, str(uuid.uuid4()), session.installation.delay
    told: dict[str, Any] = msgspec.to_builtins(arguments)
    hidden = {name: told.pop(name) for name in (*operation.secret, *operation.sealed) if name in told}
    tx.run(
        _ADD,
        id=change_id,
        operation=operation.name,
        arguments=_json(told),
        sealed=session.keyring.seal(msgspec.json.encode(hidden), change_id) if any(hidden.values()) else None,
        named=_json(names),
        notice=notice,
        company_id=company_id,
        state="pending" if alone else "waiting",
        proposed_by=session.author,
        now=tx.now,
        lapses_at=None if alone else tx.now + LIFE,
        effective_at=_noticed(tx, company_id, notice) if alone else None,
    )
    change = load(tx, change_id)
    answer = change_view(change)
    said = {name: answer[name] for name in ("arguments", "named", "needs")}
    _record(tx, "change.proposed", change, session.actor, **said)
    return change


def _noticed(tx: ReadTx, company_id: str | None, notice: int) -> int:
    """When a notice that begins now is over: it lasts while nobody in charge is kept from signing in."""
    begins = max([tx.now, *(lockouts.locked_until(tx, each) or 0 for each in operators.active_admins(tx, company_id))])
    return begins + notice if notice else tx.now


async def apply_due(
    store: Store, keyring: Keyring, installation: Installation, operations: Iterable[Operation]
) -> None:
    """Make every change whose time has come, and end every one that nobody approved in time.

    Each is a unit of its own: an error undoes the one change alone, and is kept with it.
    """
    for change_id in await store.read(_due):
        try:
            await store.write(partial(_apply, keyring, installation, operations, change_id))
        except StoreUnavailable:
            raise
        except Exception as error:  # whatever it is, it must neither keep the other changes waiting nor come again
            problem = str(error) if isinstance(error, OperationError) else "An error of ours; see the log."
            log.warning("a change was not made", change=change_id, error=type(error).__name__)
            await store.write(partial(_fail, change_id=change_id, problem=problem))


def _due(tx: ReadTx) -> list[str]:
    return [str(row[0]) for row in tx.all(_DUE, now=tx.now)]


def _apply(
    keyring: Keyring, installation: Installation, operations: Iterable[Operation], change_id: str, tx: Tx
) -> None:
    """Judged again, as it is now. Raises `OperationError`."""
    change = load(tx, change_id)
    if change.state == "waiting" and change.lapses_at is not None and change.lapses_at <= tx.now:
        end(tx, change, "lapsed", "change.expired", _ENGINE)
    if change.state != "pending" or change.effective_at is None or change.effective_at > tx.now:
        return
    operation, proposer = find(operations, change.operation), _still_in_charge(tx, change, change.proposed_by)
    if change.approved_by is not None:
        _still_in_charge(tx, change, change.approved_by)
    if change.named is None:
        raise OperationError("proposed_before", "It was proposed before an upgrade; propose it again.")
    pinned_references.ensure_same_references(tx, msgspec.json.decode(change.named, type=PinnedReferences))
    hidden = msgspec.json.decode(keyring.unseal(change.sealed, change.id)) if change.sealed else {}
    arguments = parse_arguments(operation, msgspec.json.decode(change.arguments) | hidden)
    makes, table, actor = operation.makes, tuple(operations), f"operator:{proposer.id}"
    session = Session(tx, keyring, installation, actor, proposer, change.approved_by, table)
    collect_by = tx.now + LIFE if makes is not None and makes.when(session, arguments) else None
    end(tx, change, "applied", "change.applied", _ENGINE, collect_by=collect_by)
    answer = operation.run(session, arguments)
    if collect_by is not None:
        tx.run(_HOLD, id=change.id, result=_json(answer), collect_by=collect_by)


def collect(session: Session, change: Change) -> Answer:
    """The secret that the change makes: now, once, for whoever proposed it. Raises `OperationError`."""
    tx = session.tx
    if change.collect_by is None or session.author != change.proposed_by:
        raise OperationError("nothing_to_collect", "The change has no secret for you.")
    if change.collected_at is not None or change.result is None:
        raise OperationError("collected", "The secret of this change was fetched; it is not shown again.")
    if change.collect_by <= tx.now:
        raise OperationError("too_late", "The secret of this change was not fetched within a day; propose it again.")
    pinned_references.ensure_same_references(tx, msgspec.json.decode(change.named or "{}", type=PinnedReferences))
    operation = find(session.operations, change.operation)
    arguments = parse_arguments(operation, msgspec.json.decode(change.arguments))
    if operation.makes is None or tx.run(_COLLECT, id=change.id, now=tx.now) != 1:
        raise OperationError("collected", "The secret of this change was fetched; it is not shown again.")
    _record(tx, "change.collected", change, session.actor)
    return operation.makes.make(session, arguments, msgspec.json.decode(change.result))


def _still_in_charge(tx: ReadTx, change: Change, operator_id: str) -> Operator:
    operator = operators.load(tx, operator_id, second_factor=True)
    if operator is None or not (operator.ranks("admin") and operators.covers(operator, change.company_id)):
        raise OperationError("not_in_charge", "Whoever proposed or approved it is no longer in charge.")
    return operator


def _fail(tx: Tx, change_id: str, problem: str) -> None:
    end(tx, load(tx, change_id), "failed", "change.failed", _ENGINE, problem)


def load(tx: ReadTx, change_id: str, company_id: str | None = None) -> Change:
    """The change, of the company where that is given. Raises `OperationError`."""
    row = tx.one(_LOAD, id=change_id, company_id=company_id)
    if row is None:
        raise OperationError("not_found", f"There is no change '{change_id}'.")
    return Change(*row)


def newest(tx: ReadTx, company_id: str | None, limit: int) -> list[Change]:
    return [Change(*row) for row in tx.all(_LIST, company_id=company_id, limit=limit)]


def approve(tx: Tx, change: Change, by: Operator, delay: int) -> None:
    """It takes effect after its notice."""
    effective_at = _noticed(tx, change.company_id, delay)
    tx.run(_APPROVE, id=change.id, by=by.id, effective_at=effective_at)
    _record(tx, "change.approved", load(tx, change.id), f"operator:{by.id}")


def end(
    tx: Tx,
    change: Change,
    state: str,
    kind: str,
    actor: str,
    problem: str | None = None,
    collect_by: int | None = None,
) -> None:
    """Nothing more comes of it than its state says; its secrets are forgotten."""
    tx.run(_END, id=change.id, state=state, by=actor, now=tx.now, problem=problem)
    _record(tx, kind, change, actor, problem=problem, collect_by=iso_time_or_none(collect_by))


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


def _record(tx: Tx, kind: str, change: Change, actor: str, **body: Any) -> None:
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


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
