"""The store port: durable transactions as plain functions.

A unit of work is a synchronous function of a transaction. It neither commits nor awaits. The adapter may run many units
in one commit; each is undone alone if it fails. A unit may run more than once before it has an outcome: what it does
besides is done by `Tx.announce`, `Tx.remember` and `Tx.on_outcome`.

SQL is written once for every adapter: ``INSERT ... ON CONFLICT``, ``RETURNING``, partial unique indexes, and ``FOR
UPDATE`` at the end of a ``SELECT`` whose row the unit is about to change (an adapter with a single writer removes it).
Parameters have names (``:name``); on the hot path, where that is cheaper, they have numbers (``?1``) and their values
are given in that order. Rows are tuples in the order of the select list.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar

from keyturn.bus.topics import IdT, Topic
from keyturn.clock import Clock
from keyturn.timekeeping import Moment, Timekeeper

T = TypeVar("T")
Row = tuple[Any, ...]
OnBatch = Callable[[int, float], None]
"""Called after every commit with its number of units and its duration in seconds."""


class Announce(Protocol):
    """Called in the event loop's thread for each announcement of a durable unit, with its row (see `Tx.announce`)."""

    def __call__(self, topic: Topic[IdT], key: IdT, row: object = None, /) -> None: ...


class ReadTx(Protocol):
    """A consistent view of what was committed."""

    @property
    def now(self) -> int:
        """The transaction's instant by the store's clock, never below the highest committed time."""
        ...

    @property
    def moment(self) -> Moment:
        """The same instant with the wall clock, for comparison with times from other systems."""
        ...

    def one(self, sql: str, /, *values: object, **named: object) -> Row | None:
        """The first row, or None."""
        ...

    def all(self, sql: str, /, *values: object, **named: object) -> list[Row]:
        """Every row."""
        ...


class Note(Protocol):
    """What a unit leaves to the end of its transaction."""

    def write(self, tx: "Tx") -> None:
        """Write it as it is, where the conclusion of the commit does not."""
        ...


class Tx(ReadTx, Protocol):
    """A transaction that may write. An exception out of the unit of work undoes that unit alone."""

    def run(self, sql: str, /, *values: object, **named: object) -> int:
        """Execute a statement; returns the number of changed rows."""
        ...

    def run_many(self, sql: str, rows: Iterable[Sequence[object]], /) -> int:
        """Execute a statement once for each row of numbered values; returns the number of changed rows."""
        ...

    def lock(self, sql: str, /, *values: object, **named: object) -> None:
        """Lock the rows of a ``SELECT ... FOR UPDATE`` until the unit ends; an adapter with one writer does nothing."""
        ...

    def announce(self, topic: Topic[IdT], key: IdT, row: object = None) -> None:
        """Publish the id `key` on `topic` once, and only if, this unit is durable (see `keyturn.bus.topics`).

        Of the announcements of one commit, equal ones are folded into one. `row` is the row of that id as this unit
        leaves it; this process's listeners get it, and do not have to read it.
        """
        ...

    def remember(self, note: Note) -> None:
        """Have `note` written at the end of this commit's transaction, unless this unit is undone.

        Until then no unit reads it, of this commit either, but for one that asks (`write_notes`).

        The conclusion of the commit writes it (`Store.conclude_with`), else it writes itself.
        """
        ...

    def write_notes(self) -> None:
        """Have every note of this transaction write itself now, so that the next statement reads it."""
        ...

    def on_outcome(self, act: Callable[[bool], None]) -> None:
        """Call `act(True)` once this unit is durable, or `act(False)` once it is undone or its commit is not known.

        Called exactly once for each run of the unit, in the event loop's thread and in this process, before any
        announcement of the unit.
        """
        ...


class BackupSigner(Protocol):
    """Holds the key that signs backups."""

    @property
    def backup_key(self) -> bytes:
        """The public key, 32 bytes (RFC 8032)."""
        ...

    def sign_backup(self, statement: bytes) -> bytes:
        """An Ed25519 signature, 64 bytes."""
        ...

    def verify_backup(self, statement: bytes, signature: bytes) -> bool:
        """Whether this key made the signature."""
        ...


class FileDigest(NamedTuple):
    """Digest and size of a file."""

    digest: str
    """SHA-256, hex."""
    size: int
    """Bytes."""


class Store(Protocol):
    """Durable storage of everything that must not be lost.

    Entries (table ``entry``) are numbered in commit order: once a transaction has seen an entry, no entry with a lower
    ``seq`` appears. The audit chain and the alerts continue from the highest ``seq`` they know. An adapter of a
    database that assigns numbers before the commit must assign them in another way.
    """

    @property
    def epoch(self) -> int:
        """1 in a new store, higher after each restore."""
        ...

    @property
    def time(self) -> Timekeeper:
        """The clock that dates transactions."""
        ...

    @property
    def available(self) -> bool:
        """False while the store cannot acknowledge writes, or if its last read failed."""
        ...

    async def write(self, work: Callable[[Tx], T]) -> T:
        """Run `work` and return its result once it is durable.

        Raises the exception of `work`, which is then undone, or `StoreUnavailable` if the store cannot acknowledge:
        then it is unknown whether `work` was committed.
        """
        ...

    async def read(self, work: Callable[[ReadTx], T]) -> T:
        """Run `work` on a snapshot of what is committed, including the caller's own acknowledged writes."""
        ...

    def conclude_with(self, work: Callable[[Tx, Sequence[Note]], None]) -> None:
        """Run `work` at the end of every commit's transaction, with the notes of its units, in order, if there are any.

        It writes all of them, as part of the commit. If it raises, what it wrote is undone, and the units are committed
        without it: each note writes itself.
        """
        ...

    async def backup(self, file: Path, signer: BackupSigner) -> FileDigest:
        """Copy a snapshot to the new file `file`, and sign it in ``file.sig``.

        Both files have mode 0600. Reads and writes continue meanwhile. Raises `StoreRefused`, `StoreUnavailable`.
        """
        ...

    async def close(self) -> None:
        """Finish accepted work and close the files."""
        ...


class StagedDatabase(Protocol):
    """The content of a staged backup, migrated to the present schema."""

    @property
    def epoch(self) -> int:
        """The epoch that the backup states."""
        ...

    @property
    def committed_time(self) -> int:
        """The instant of its newest entry; 0 without one."""
        ...

    def fact(self, name: str) -> str | None:
        """A value of its table ``store_fact``; None: missing."""
        ...

    def unit(self, now: int) -> AbstractContextManager[Tx]:
        """One transaction: committed at the end, rolled back on an exception. Raises `StatementFailed`."""
        ...


class StagedBackup(Protocol):
    """A private copy of a backup, so that what is restored is what was checked, even if the file changes."""

    @property
    def measured(self) -> FileDigest:
        """Digest and size of the copy."""
        ...

    def opened(self, now: int) -> AbstractContextManager[StagedDatabase]:
        """Its content, after checks of integrity and structure. Raises `StoreRefused`, which names the backup."""
        ...

    def put_in_place(self, epoch: int) -> None:
        """Replace the installation's data; the former data is renamed with the number `epoch`. Raises OSError.

        No server can start on the data before this is finished.
        """
        ...


class Database(Protocol):
    """The data of one installation, in use by a server or not."""

    def open(self, clock: Clock, announce: Announce, *, on_batch: OnBatch = ..., serving: bool = ...) -> Store:
        """Open the store, created if missing, and migrate it; `serving`: for many commits. Raises `StoreRefused`.

        A `Timekeeper` resumes from the stored clock state; any other clock is trusted.
        """
        ...

    def read_offline(self) -> AbstractContextManager[ReadTx]:
        """A read-only view of what is committed, with or without a running server; `now` is 0.

        Raises `StoreRefused`, or `StatementFailed` if a statement of the caller fails.
        """
        ...

    def stage_backup(self, backup: Path) -> AbstractContextManager[StagedBackup]:
        """Copy a backup to a private directory, deleted afterwards. Raises `StoreRefused`, also for an OSError."""
        ...

    def earlier_epochs(self) -> list[int]:
        """The numbers under which earlier restores renamed the former data."""
        ...


class Conflict(Exception):
    """A unique index or a primary key refused what a unit of work wrote; has the database's message."""


class StoreUnavailable(Exception):
    """The store cannot acknowledge (disk full, read-only, database unavailable)."""


class StoreRefused(Exception):
    """The store cannot be opened; the message is one sentence for the operator."""


class StructureChanged(StoreRefused):
    """The structure of the database is not what its migrations make."""


class StatementFailed(Exception):
    """A statement of the caller failed, for its own text or values; has the database's message."""
