"""The store's adapters, and the one that a test of the layers above runs on.

The contract runs on each (`tests/store/test_contract.py`); so do the tests of the domain, which open their stores here.
"""

from collections.abc import Callable
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any, NamedTuple

from keyturn.clock import Clock
from keyturn.store.port import Announce, Conflict, Database, OnBatch, StatementFailed, Store
from keyturn.store.sqlite.store import SqliteDatabase, open_sqlite


class Adapter(NamedTuple):
    """What a test needs of an adapter. A new adapter is one more of these in `ADAPTERS`."""

    database: Callable[[Path], Database]
    """The database of a data directory."""
    open_at_once: Callable[[Path, Clock, Announce, OnBatch], Store]
    """Opens a store that waits for no thread of its own: in virtual time, and where a thread per test costs."""
    constraint_broken: type[Exception]
    """What a statement raises that breaks a unique index."""
    statement_refused: type[Exception]
    """What a statement raises that names a table which is not there."""


class AtOnce(Executor):
    """Runs a call in place: a thread per test would only be waited for."""

    def submit(self, call: Callable[..., Any], /, *args: Any, **named: Any) -> Future[Any]:
        done: Future[Any] = Future()
        try:
            done.set_result(call(*args, **named))
        except Exception as error:
            done.set_exception(error)
        return done


def _open_sqlite_at_once(directory: Path, clock: Clock, announce: Announce, on_batch: OnBatch) -> Store:
    return open_sqlite(directory, clock, announce, on_batch=on_batch, disk=AtOnce(), beside=AtOnce())


ADAPTERS: dict[str, Adapter] = {
    "sqlite": Adapter(SqliteDatabase, _open_sqlite_at_once, Conflict, StatementFailed),
}
_used = [next(iter(ADAPTERS))]


def use(name: str) -> None:
    """Let whatever is opened from now on be of this adapter; the fixture `store_adapter` calls it."""
    _used[:] = [name]


def adapter() -> Adapter:
    """The one that this test runs on."""
    return ADAPTERS[_used[0]]


def database(directory: Path) -> Database:
    """Of a data directory."""
    return adapter().database(directory)


def open_store(
    directory: Path,
    clock: Clock,
    announce: Announce = lambda _topic, _key, _row=None: None,
    *,
    on_batch: OnBatch = lambda _units, _seconds: None,
    at_once: bool = False,
) -> Store:
    """Open the store of a data directory, as `Adapter.open_at_once` says or as a server does."""
    if at_once:
        return adapter().open_at_once(directory, clock, announce, on_batch)
    return database(directory).open(clock, announce, on_batch=on_batch)
