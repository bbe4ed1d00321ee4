"""Units of work that share one transaction, each undone alone if it fails."""

import asyncio
import sqlite3
from collections.abc import Callable, Iterable
from typing import Any

from keyturn.store.port import StoreUnavailable, Tx
from keyturn.store.sqlite.transaction import SqliteTx, ends_transaction
from keyturn.timekeeping import Moment

ResultFuture = asyncio.Future[Any]


class Batch:
    """Nothing of it reaches a caller before `settle` or `fail`. Whatever `begin` or `run` raises has ended it."""

    def __init__(self, connection: sqlite3.Connection, moment: Moment) -> None:
        self.tx = SqliteTx(connection, moment)
        self._connection = connection
        self._promises: list[ResultFuture] = []
        self._outcomes: list[tuple[object, BaseException | None]] = []

    def __len__(self) -> int:
        return len(self._promises)

    def begin(self) -> None:
        """Take the write lock."""
        self._connection.execute("BEGIN IMMEDIATE")

    def run(self, work: Callable[[Tx], object], promise: ResultFuture) -> None:
        """Run a unit; what it raises undoes it alone, unless that ended the transaction."""
        first = not self._promises
        self._promises.append(promise)
        said = len(self.tx.announced)
        outcome: tuple[object, BaseException | None]
        if not first:
            self._connection.execute("SAVEPOINT unit")
        try:
            outcome = work(self.tx), None
        except BaseException as error:
            if ends_transaction(error):
                raise
            self._undo(first)
            del self.tx.announced[said:]
            outcome = None, error
        self._accept(first)
        self._outcomes.append(outcome)

    def end(self) -> None:
        """No more units."""
        self.tx.end()

    def resolve(self) -> None:
        """The batch is durable: give every caller what its unit returned or raised."""
        for promise, (result, error) in zip(self._promises, self._outcomes, strict=True):
            _resolve(promise, result, error)

    def fail(self, reason: str) -> None:
        """The batch is lost, or nobody knows."""
        fail_all(self._promises, reason)

    def _undo(self, first: bool) -> None:
        """The first unit undone leaves a batch as it began. Raises where the unit, or SQLite, ended the transaction."""
        if first:
            self._connection.execute("ROLLBACK")
            self.begin()
        else:
            self._connection.execute("ROLLBACK TO unit")

    def _accept(self, first: bool) -> None:
        """Raises as `_undo` does."""
        if not first:
            self._connection.execute("RELEASE unit")
        elif not self._connection.in_transaction:
            raise sqlite3.OperationalError("a unit of work ended the transaction")


def fail_all(promises: Iterable[ResultFuture], reason: str) -> None:
    """Tell every caller that the store cannot acknowledge."""
    for promise in promises:
        _resolve(promise, None, StoreUnavailable(reason))


def _resolve(promise: ResultFuture, result: object, error: BaseException | None) -> None:
    if promise.done():  # the caller went away
        return
    if error is None:
        promise.set_result(result)
    elif isinstance(error, StopIteration):  # a future refuses to carry it
        promise.set_exception(RuntimeError("a unit of work raised StopIteration"))
    else:
        promise.set_exception(error)
