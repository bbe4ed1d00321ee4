"""The store port: durable transactions as plain functions.

A unit of work is a synchronous function of a transaction. Nobody commits by hand and nothing is awaited inside one;
the adapter may run many units in one commit, each of which is undone alone if it fails.

SQL is written once for every adapter: named parameters (``:name``), ``INSERT ... ON CONFLICT``, ``RETURNING``,
partial unique indexes, and ``FOR UPDATE`` at the end of a ``SELECT`` whose row the unit is about to change
(an adapter with a single writer drops those two words). Rows are tuples in the order of the select list.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar

from keyturn.bus.topics import IdT, Topic
from keyturn.clock import Clock
from keyturn.timekeeping import Moment, Timekeeper

T = TypeVar("T")
Row = tuple[Any, ...]
OnBatch = Callable[[int, float], None]
"""Called after every commit with its number of units and its seconds."""


class Announce(Protocol):
    """Hears, in the event loop's thread, what a durable unit announced."""

    def __call__(self, topic: Topic[IdT], key: IdT, /) -> None: ...


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


class BackupSigner(Protocol):
    """Whoever holds the key that backups are signed with."""

    @property
    def backup_key(self) -> bytes:
        """The public key, 32 bytes (RFC 8032)."""
        ...

    def sign_backup(self, statement: bytes) -> bytes:
        """An Ed25519 signature, 64 bytes."""
        ...

    def signed_backup(self, statement: bytes, signature: bytes) -> bool:
        """Whether this key made the signature."""
        ...


class FileDigest(NamedTuple):
    """What a file is."""

    digest: str
    """SHA-256, hex."""
    size: int
    """Bytes."""


class Store(Protocol):
    """Where everything that must not be lost is kept.

    Entries (table ``entry``) are numbered in commit order: once a transaction has seen an entry, no entry with a lower
    ``seq`` appears any more. The audit chain and the alerts read on from the highest ``seq`` they know. An adapter
    whose numbers are drawn before the commit has to give them in another way.
    """

    @property
    def epoch(self) -> int:
        """1 in a new store, higher after each restore."""
        ...

    @property
    def time(self) -> Timekeeper:
        """The clock that transactions are dated by."""
        ...

    @property
    def available(self) -> bool:
        """False while the store cannot acknowledge, or could not do its last read."""
        ...

    async def write(self, work: Callable[[Tx], T]) -> T:
        """Run `work` and return its result once it is durable.

        Raises whatever `work` raised (nothing of it is kept), or `StoreUnavailable` when the store cannot acknowledge:
        then it is not known whether `work` was kept.
        """
        ...

    async def read(self, work: Callable[[ReadTx], T]) -> T:
        """Run `work` on a snapshot of what is committed, the caller's own acknowledged writes included."""
        ...

    async def backup(self, file: Path, signer: BackupSigner) -> FileDigest:
        """Copy everything as it is at one moment to the new file `file`, and sign it in ``file.sig``.

        Both are for their owner alone. Reads and writes go on meanwhile. Raises `StoreRefused`, `StoreUnavailable`.
        """
        ...

    async def close(self) -> None:
        """Finish what was accepted and let go of the files."""
        ...


class StagedDatabase(Protocol):
    """The content of a backup that is about to be restored, brought up to date."""

    @property
    def epoch(self) -> int:
        """The epoch that it says it is of."""
        ...

    @property
    def committed_time(self) -> int:
        """The instant of its newest entry, 0 without one."""
        ...

    def fact(self, name: str) -> str | None:
        """A value of its table ``store_fact``."""
        ...

    def unit(self, now: int) -> AbstractContextManager[Tx]:
        """One transaction: kept at the end, undone by an exception. Raises `StatementFailed`."""
        ...


class StagedBackup(Protocol):
    """A private copy of a backup: whatever becomes of the file, this is what was checked and is restored."""

    @property
    def measured(self) -> FileDigest:
        """What was copied."""
        ...

    def opened(self, now: int) -> AbstractContextManager[StagedDatabase]:
        """Its content, undamaged and of the structure of its version. Raises `StoreRefused`, which names the backup."""
        ...

    def put_in_place(self, epoch: int) -> None:
        """Replace the installation's data, which stays beside it under the number `epoch`. Raises OSError.

        No server starts on the data until all of it is done.
        """
        ...


class Database(Protocol):
    """The data of one installation, whether a server has it open or not."""

    def open(self, clock: Clock, announce: Announce, *, on_batch: OnBatch = ...) -> Store:
        """Open the store, made if missing, with its tables brought up to date. Raises `StoreRefused`.

        A `Timekeeper` goes on from what the store keeps; any other clock is believed whatever it shows.
        """
        ...

    def read_offline(self) -> AbstractContextManager[ReadTx]:
        """What is committed, beside a server or without one; nothing is changed, and `now` is 0.

        Raises `StoreRefused`, or `StatementFailed` where a statement of the caller could not be done.
        """
        ...

    def stage_backup(self, backup: Path) -> AbstractContextManager[StagedBackup]:
        """Copy a backup to a private place, gone afterwards. Raises `StoreRefused`, also for an OSError meanwhile."""
        ...

    def earlier_epochs(self) -> list[int]:
        """The numbers under which restores left data behind."""
        ...


class StoreUnavailable(Exception):
    """The store cannot acknowledge (disk full, read-only, database away)."""


class StoreRefused(Exception):
    """The store cannot be opened; the message is one clear sentence for the person at the terminal."""


class StructureChanged(StoreRefused):
    """The database was changed by somebody else than its migrations."""


class StatementFailed(Exception):
    """A statement could not be done on data that is read or restored without a store; says what the database said."""
