"""The SQLite store and database: one file, one writer with group commit, concurrent reads."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, closing
from pathlib import Path
from typing import TypeVar

import apsw

from keyturn.clock import Clock
from keyturn.private_files import sync_directory
from keyturn.store.data_directory import make_directory
from keyturn.store.port import Announce, BackupSigner, FileDigest, OnBatch, ReadTx, StoreRefused, Tx
from keyturn.store.sqlite.backup import back_up
from keyturn.store.sqlite.batch import Conclusion
from keyturn.store.sqlite.checkpoints import CHECKPOINT_PAGES, Checkpoints, prepare_log
from keyturn.store.sqlite.connection import check_references, connect, make_durable
from keyturn.store.sqlite.directory import FILE_NAME, RESTORE_MARKER, make_file, rewrite, translate_errors
from keyturn.store.sqlite.facts import resume_time, store_epoch
from keyturn.store.sqlite.migration import apply_migration
from keyturn.store.sqlite.offline import read_offline
from keyturn.store.sqlite.reader import Reader
from keyturn.store.sqlite.restore import StagedFile, earlier_epochs, stage_backup
from keyturn.store.sqlite.structure import check_own_structure
from keyturn.store.sqlite.writer import Writer
from keyturn.timekeeping import Timekeeper

T = TypeVar("T")
Connect = Callable[[Path, str], apsw.Connection]


class SqliteStore:
    """The port's `Store`. Reads block the event loop, so they must be point reads or pages."""

    def __init__(
        self, directory: Path, writer: Writer, reader: Reader, epoch: int, time: Timekeeper, disk: Executor
    ) -> None:
        self.epoch = epoch
        self.time = time
        self._directory = directory
        self._writer = writer
        self._reader = reader
        self._disk = disk
        self._open = True

    @property
    def available(self) -> bool:
        """False from a failed batch until a probe succeeds, and from a failed read until a read succeeds."""
        return self._writer.failure is None and not self._reader.failing

    async def write(self, work: Callable[[Tx], T]) -> T:
        result: T = await self._writer.submit(work)
        return result

    async def read(self, work: Callable[[ReadTx], T]) -> T:
        return self._reader.run(work, self.time.moment)

    def conclude_with(self, work: Conclusion) -> None:
        self._writer.conclusion = work

    async def backup(self, file: Path, signer: BackupSigner) -> FileDigest:
        now = await self.read(lambda tx: tx.now)
        return await asyncio.to_thread(back_up, self._directory, file, signer, now)

    async def close(self) -> None:
        await self._writer.drain()
        if self._open:
            self._open = False
            self._reader.close()
            await self._writer.close()  # last: only a connection that may write empties the log into the file
            self._disk.shutdown()


def open_sqlite(
    directory: Path,
    clock: Clock,
    announce: Announce,
    *,
    on_batch: OnBatch = lambda _units, _seconds: None,
    disk: Executor | None = None,
    beside: Executor | None = None,
    checkpoint_pages: int = CHECKPOINT_PAGES,
    connect: Connect = connect,
    serving: bool = False,
) -> SqliteStore:
    """Open the store in `directory`, created if missing, and migrate it. Raises StoreRefused.

    `clock`: a `Timekeeper` resumes from the stored clock state; any other clock is trusted. `announce(topic, key)` is
    called in the event loop's thread for announcements of durable units; `on_batch(units, seconds)` after every
    commit. `disk` runs one call at a time, in order, outside the loop's thread (default: a thread); `beside` does the
    same for checkpoints, one for every `checkpoint_pages` of the log. `connect(path, mode)` opens an existing file; the
    store closes the connection. `serving`: the log is prepared for many commits.
    """
    path = directory / FILE_NAME
    time = clock if isinstance(clock, Timekeeper) else Timekeeper(clock)
    with translate_errors(path), ExitStack() as opened:
        make_directory(directory)
        _refuse_interrupted_restore(directory)
        make_file(path)
        log = directory / f"{FILE_NAME}-wal"
        rewrite(log)
        if serving and path.stat().st_size:  # beside an empty database SQLite deletes the log
            prepare_log(log)
        writing = opened.enter_context(closing(connect(path, "rw")))
        pending = check_own_structure(writing, path)
        make_durable(writing, path)
        resume_time(writing, time)
        for migration in pending:
            apply_migration(writing, migration, time.store_now())
        check_references(writing)
        epoch = store_epoch(writing)
        reading = opened.enter_context(closing(connect(path, "ro")))
        copying = opened.enter_context(closing(connect(path, "rw")))
        sync_directory(directory)
        beside = beside or ThreadPoolExecutor(1, thread_name_prefix="keyturn-checkpoints")
        checkpoints = Checkpoints(writing, copying, beside, checkpoint_pages)
        disk = disk or ThreadPoolExecutor(1, thread_name_prefix="keyturn-disk")
        writer = Writer(writing, checkpoints, time, announce, on_batch, disk)
        store = SqliteStore(directory, writer, Reader(reading), epoch, time, disk)
        opened.pop_all()
    return store


def _refuse_interrupted_restore(directory: Path) -> None:
    """Raises StoreRefused."""
    if (directory / RESTORE_MARKER).exists():
        raise StoreRefused(f"A restore into {directory} was interrupted: run keyturn restore again.")


class SqliteDatabase:
    """The port's `Database` for one data directory; no file is open between two calls."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def open(
        self,
        clock: Clock,
        announce: Announce,
        *,
        on_batch: OnBatch = lambda _units, _seconds: None,
        serving: bool = False,
    ) -> SqliteStore:
        return open_sqlite(self._directory, clock, announce, on_batch=on_batch, serving=serving)

    def read_offline(self) -> AbstractContextManager[ReadTx]:
        return read_offline(self._directory)

    def stage_backup(self, backup: Path) -> AbstractContextManager[StagedFile]:
        return stage_backup(self._directory, backup)

    def earlier_epochs(self) -> list[int]:
        return earlier_epochs(self._directory)
