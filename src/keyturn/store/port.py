"""The store port: durable transactions as plain functions.

A unit of work is a synchronous function of a transaction. Nobody commits by hand and nothing is awaited inside one;
the adapter may run many units in one commit, each of which is undone alone if it fails.

SQL is written once for every adapter: named parameters (``:name``), ``INSERT ... ON CONFLICT``, ``RETURNING``,
partial unique indexes, and ``FOR UPDATE`` at the end of a ``SELECT`` whose row the unit is about to change
(an adapter with a single writer drops those two words). Rows are tuples in the order of the select list.
"""

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from keyturn.bus.topics import IdT, Topic
from keyturn.timekeeping import Moment

T = TypeVar("T")
Row = tuple[Any, ...]


class ReadTx(Protocol):
    """A consistent view of what was committed."""

    @property
    def now(self) -> int:
        """The transaction's instant: the store's clock, never below the highest committed time."""
        ...

    @property
    def moment(self) -> Moment:
        """The same instant with what other clocks show: outside, nobody goes by the store's."""
        ...

    def one(self, sql: str, /, **params: object) -> Row | None:
        """The first row, or None."""
        ...

    def all(self, sql: str, /, **params: object) -> list[Row]:
        """Every row."""
        ...


class Tx(ReadTx, Protocol):
    """A transaction that may write. An exception out of the unit of work undoes that unit alone."""

    def run(self, sql: str, /, **params: object) -> int:
        """Execute a statement; how many rows it changed."""
        ...

    def lock(self, sql: str, /, **params: object) -> None:
        """Hold the rows of a ``SELECT ... FOR UPDATE`` until the unit ends; an adapter with one writer does nothing."""
        ...

    def announce(self, topic: Topic[IdT], key: IdT) -> None:
        """Publish the id `key` on `topic` once, and only if, this unit is durable (see `keyturn.bus.topics`)."""
        ...


class Store(Protocol):
    """Where everything that must not be lost is kept."""

    async def write(self, work: Callable[[Tx], T]) -> T:
        """Run `work` and return its result once it is durable.

        Raises whatever `work` raised (nothing of it is kept), or `StoreUnavailable` when the store cannot acknowledge:
        then it is not known whether `work` was kept.
        """
        ...

    async def read(self, work: Callable[[ReadTx], T]) -> T:
        """Run `work` on a snapshot of what is committed, the caller's own acknowledged writes included."""
        ...

    async def close(self) -> None:
        """Finish what was accepted and let go of the files."""
        ...


class StoreUnavailable(Exception):
    """The store cannot acknowledge (disk full, read-only, database away)."""


class StoreRefused(Exception):
    """The store cannot be opened; the message is one clear sentence for the person at the terminal."""
