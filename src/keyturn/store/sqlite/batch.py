"""A batch of units of work in one transaction; each is undone alone if it fails."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import apsw
import structlog

from keyturn.store import clock_state
from keyturn.store.port import Note, StoreUnavailable, Tx
from keyturn.store.sqlite.transaction import SqliteTx, ends_transaction, for_caller
from keyturn.timekeeping import ClockState, Moment

ResultFuture = asyncio.Future[Any]
Outcome = tuple[object, BaseException | None]
"""A unit's result, or its exception."""
Conclusion = Callable[[Tx, Sequence[Note]], None]
"""Runs after a batch's units, in its transaction; see `Store.conclude_with`."""


class Batch:
    """Callers get their results by `resolve` or `fail`. An exception of `begin` or `run` ends the batch.

    A savepoint for each unit would cost a tenth of it, because SQLite keeps a copy of every page that is changed after
    one. So there is none until a unit fails that has written: then the transaction begins anew, and the units before it
    run again, from there on with savepoints.
    """

    def __init__(self, connection: apsw.Connection, moment: Moment, clocks: ClockState | None = None) -> None:
        self.tx = SqliteTx(connection, moment)
        self.clocks = clocks
        """The state of the clocks to be saved with it."""
        self._connection = connection
        self._units: list[Callable[[Tx], object]] = []
        self._futures: list[ResultFuture] = []
        self._outcomes: list[Outcome] = []
        self._has_savepoints = False
        self._writes_notes = False
        """The conclusion failed: each unit writes its notes, and one that cannot be written undoes its unit alone."""

    def __len__(self) -> int:
        return len(self._futures)

    def begin(self) -> None:
        """Take the write lock, and save the clocks if they were set."""
        self.tx.run("BEGIN IMMEDIATE")
        if self.clocks is not None:
            clock_state.save(self.tx, self.clocks)

    def run(self, work: Callable[[Tx], object], future: ResultFuture) -> None:
        """Run a unit; an exception undoes it alone, unless it ended the transaction."""
        self._futures.append(future)
        self._outcomes.append(self._outcome(work))
        self._units.append(work)

    def _outcome(self, work: Callable[[Tx], object]) -> Outcome:
        has_savepoint, changes = self._has_savepoints, self._connection.total_changes()
        asked = len(self.tx.announced), len(self.tx.notes), len(self.tx.outcomes)
        written = self.tx.written
        outcome: Outcome
        if has_savepoint:
            self.tx.run("SAVEPOINT unit")
        try:
            outcome = work(self.tx), None
            if self._writes_notes:
                self.tx.write_notes()
        except BaseException as error:
            if ends_transaction(error):
                raise
            outcome = None, for_caller(error)
            if has_savepoint:
                self.tx.run("ROLLBACK TO unit")
                self.tx.written = written
            self._forget(*asked)
            if not has_savepoint and self._connection.total_changes() != changes:
                self._begin_anew()
        if has_savepoint:
            self.tx.run("RELEASE unit")
        elif not self._connection.in_transaction:
            raise RuntimeError("a unit of work ended the transaction")
        return outcome

    def _begin_anew(self) -> None:
        """Undo everything, and run the units again that were through; one that fails now has its own error."""
        self.tx.run("ROLLBACK")
        self.tx.written = 0
        self._forget(0, 0, 0)
        self.begin()
        self._has_savepoints = True
        for place, work in enumerate(self._units):
            if self._outcomes[place][1] is None:
                self._outcomes[place] = self._outcome(work)

    def _forget(self, announced: int, notes: int, outcomes: int) -> None:
        """What units asked for that are undone; the numbers are of what stays."""
        del self.tx.announced[announced:], self.tx.notes[notes:]
        self._tell_outcomes(durable=False, since=outcomes)

    def conclude(self, work: Conclusion) -> None:
        """Run `work` with the units' notes; an exception undoes it alone, unless it ended the transaction."""
        left = self.tx.notes[self.tx.written :]
        if not left:
            return
        try:
            work(self.tx, left)
        except Exception as error:
            if ends_transaction(error):
                raise
            self._writes_notes = True
            self._begin_anew()

    def end(self) -> None:
        """Accept no further units."""
        self.tx.end()

    def resolve(self) -> None:
        """The batch is durable: give every caller the result or exception of its unit."""
        for future, (result, error) in zip(self._futures, self._outcomes, strict=True):
            _resolve(future, result, error)
        self._tell_outcomes(durable=True)

    def fail(self, reason: str) -> None:
        """The batch is lost, or its outcome is unknown."""
        fail_all(self._futures, reason)
        self._tell_outcomes(durable=False)

    def _tell_outcomes(self, *, durable: bool, since: int = 0) -> None:
        for act in self.tx.outcomes[since:]:
            try:
                act(durable)
            except Exception:  # the other units, and the store, must not fail because of this one
                structlog.get_logger(__name__).exception("outcome_failed", durable=durable)
        del self.tx.outcomes[since:]


def fail_all(futures: Iterable[ResultFuture], reason: str) -> None:
    """Raise StoreUnavailable in every waiting caller."""
    for future in futures:
        _resolve(future, None, StoreUnavailable(reason))


def _resolve(future: ResultFuture, result: object, error: BaseException | None) -> None:
    if future.done():  # the caller was cancelled
        return
    if error is None:
        future.set_result(result)
    elif isinstance(error, StopIteration):  # a future cannot hold it
        future.set_exception(RuntimeError("a unit of work raised StopIteration"))
    else:
        future.set_exception(error)
