"""Units of work on two tables that every store has: plans (unique names) and entries."""

from collections.abc import Callable
from typing import Any

from keyturn.bus.topics import COMMAND_CHANGED, CommandId, Topic
from keyturn.store.port import ReadTx, Tx

TOPIC = COMMAND_CHANGED
"""What the units announce; the store knows nothing of its meaning."""
Announced = tuple[Topic[Any], str]

_ADD_PLAN = "INSERT INTO plan (id, name, commands, created_at) VALUES (:id, :name, :commands, :created_at)"
_ADD_ENTRY = "INSERT INTO entry (at, actor, kind, body) VALUES (:at, 'test', 'test', :body) RETURNING seq"


def add_plan(name: str, announce: str | None = None, size: int = 1) -> Callable[[Tx], str]:
    """Keep a plan of that id and name, with `size` letters of commands."""

    def work(tx: Tx) -> str:
        tx.run(_ADD_PLAN, id=name, name=name, commands="x" * size, created_at=tx.now)
        if announce is not None:
            tx.announce(TOPIC, CommandId(announce))
        return name

    return work


def add_plan_and_raise(name: str, error: BaseException) -> Callable[[Tx], str]:
    """Keep a plan, announce it, and think better of it."""

    def work(tx: Tx) -> str:
        add_plan(name, announce=name)(tx)
        raise error

    return work


def add_entry(tx: Tx) -> int:
    """Write an entry; its instant."""
    tx.one(_ADD_ENTRY, at=tx.now, body="{}")
    return tx.now


def add_entry_early(statements: int, error: Exception | None) -> Callable[[Tx], int]:
    """Write an entry, then run so many statements more, then raise `error` or return the entry's number."""

    def work(tx: Tx) -> int:
        row = tx.one(_ADD_ENTRY, at=tx.now, body="{}")
        for _ in range(statements):
            plans(tx)
        if error is not None:
            raise error
        assert row is not None
        return int(row[0])

    return work


def seqs(tx: ReadTx) -> list[int]:
    """The numbers of every entry, in order."""
    return [row[0] for row in tx.all("SELECT seq FROM entry ORDER BY seq")]


def plans(tx: ReadTx) -> list[str]:
    """The names of every plan, in order."""
    return [row[0] for row in tx.all("SELECT name FROM plan ORDER BY name")]


def instant(tx: ReadTx) -> int:
    """The transaction's instant."""
    return tx.now
