"""Changes that loosen: announced to every admin in charge, and made only when nobody among them stopped them."""

import uuid
from collections.abc import Iterable
from functools import partial
from typing import Any

import msgspec
import structlog

from keyturn.audit import journal
from keyturn.clock import SECOND, iso_time_or_none
from keyturn.store.port import ReadTx, Store, StoreUnavailable, Tx
from keyturn.tenants import authority, operators
from keyturn.tenants.administration import (
    Answer,
    Arguments,
    Installation,
    Operation,
    OperationError,
    Session,
    find,
    understood,
)
from keyturn.tenants.guards import Need
from keyturn.tenants.keyring import Keyring
from keyturn.tenants.principal import Operator

log = structlog.get_logger()

NOTICE = 600 * SECOND
"""From when nothing more is needed until it takes effect."""
LIFE = 24 * 3600 * SECOND
"""How long a change waits for an approval."""

_ADD = """
INSERT INTO change
  (id, operation, arguments, sealed, company_id, state, proposed_by, proposed_at, lapses_at, effective_at)
VALUES
  (:id, :operation, :arguments, :sealed, :company_id, :state, :proposed_by, :now, :lapses_at, :effective_at)
"""
_SELECT = """
SELECT id, operation, arguments, sealed, company_id, state, proposed_by, proposed_at, approved_by, lapses_at,
       effective_at, ended_by, ended_at, problem
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
_INSTANTS = ("proposed_at", "lapses_at", "effective_at", "ended_at")
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


def proposed(session: Session, operation: Operation, arguments: Arguments) -> Answer | None:
    """The answer where the change must wait; None where it may be made at once. Raises `OperationError`."""
    tx, need = session.tx, operation.guard.need(session, arguments)
    if need is Need.NOTHING:
        return None
    company_id = authority.company_of(tx, arguments)
    in_charge = operators.admins(tx, company_id, tx.now)
    if not in_charge:
        return None
    if need is Need.SIGN_IN:
        authority.person(session, second_factor=True)
        return None
    proposer = authority.person(session, second_factor=True)
    if not (proposer.ranks("admin") and operators.covers(proposer, company_id)):
        raise authority.role_required("admin")
    alone = in_charge == [proposer.id]
    return _add(session, operation, arguments, company_id, alone=alone)


def _add(
    session: Session, operation: Operation, arguments: Arguments, company_id: str | None, *, alone: bool
) -> Answer:
    tx, change_id = session.tx, str(uuid.uuid4())
    told: dict[str, Any] = msgspec.to_builtins(arguments)
    hidden = {name: told.pop(name) for name in operation.secret if name in told}
    tx.run(
        _ADD,
        id=change_id,
        operation=operation.name,
        arguments=msgspec.json.encode(told).decode(),
        sealed=session.keyring.seal(msgspec.json.encode(hidden), change_id) if hidden else None,
        company_id=company_id,
        state="pending" if alone else "waiting",
        proposed_by=session.author,
        now=tx.now,
        lapses_at=None if alone else tx.now + LIFE,
        effective_at=tx.now + NOTICE if alone else None,
    )
    change = load(tx, change_id)
    answer = shown(change)
    _record(tx, "change.proposed", change, session.actor, arguments=told, needs=answer["needs"])
    return answer


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
        end(tx, change, "lapsed", "change.lapsed", _ENGINE)
    if change.state != "pending" or change.effective_at is None or change.effective_at > tx.now:
        return
    operation, proposer = find(operations, change.operation), _still_in_charge(tx, change, change.proposed_by)
    if change.approved_by is not None:
        _still_in_charge(tx, change, change.approved_by)
    hidden = msgspec.json.decode(keyring.unseal(change.sealed, change.id)) if change.sealed else {}
    arguments = understood(operation, msgspec.json.decode(change.arguments) | hidden)
    end(tx, change, "applied", "change.applied", _ENGINE)
    operation.run(Session(tx, keyring, installation, f"operator:{proposer.id}", proposer), arguments)


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


def approve(tx: Tx, change: Change, by: Operator) -> None:
    """It takes effect after `NOTICE`."""
    tx.run(_APPROVE, id=change.id, by=by.id, effective_at=tx.now + NOTICE)
    _record(tx, "change.approved", load(tx, change.id), f"operator:{by.id}")


def end(tx: Tx, change: Change, state: str, kind: str, actor: str, problem: str | None = None) -> None:
    """Nothing more comes of it than its state says; its secrets are forgotten."""
    tx.run(_END, id=change.id, state=state, by=actor, now=tx.now, problem=problem)
    _record(tx, kind, change, actor, problem=problem)


def shown(change: Change) -> Answer:
    """The change without its secrets."""
    return {
        "change": change.id,
        "operation": change.operation,
        "arguments": msgspec.json.decode(change.arguments),
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
