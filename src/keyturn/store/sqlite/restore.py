"""Restores a backup: copies it, checks it, migrates it, and replaces the database with it."""

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import apsw

from keyturn.private_files import make_new, private_folder, sync_directory
from keyturn.store import data_directory
from keyturn.store.backup_signature import measure
from keyturn.store.port import FileDigest, StatementFailed, StoreRefused
from keyturn.store.sqlite.connection import check_references, connect
from keyturn.store.sqlite.directory import FILE_NAME, RESTORE_MARKER, translate_errors
from keyturn.store.sqlite.facts import committed_time, stated_epoch
from keyturn.store.sqlite.migration import apply_migration, known_migrations
from keyturn.store.sqlite.structure import check_own_structure
from keyturn.store.sqlite.transaction import SqliteTx
from keyturn.timekeeping import Moment

_LEFTOVERS = ("-wal", "-shm")
_LOGS = ("-wal", "-journal")
_BEFORE = f"{FILE_NAME}.before-"


class StagedContent:
    """The port's `StagedDatabase` on a connection to the copy."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection

    @property
    def epoch(self) -> int:
        return stated_epoch(self._connection)

    @property
    def committed_time(self) -> int:
        return committed_time(self._connection)

    def fact(self, name: str) -> str | None:
        value: str | None = self._connection.execute("SELECT value FROM store_fact WHERE name = ?", (name,)).get
        return value

    @contextmanager
    def unit(self, now: int) -> Iterator[SqliteTx]:
        try:
            with _transaction(self._connection, now) as tx:
                yield tx
        except apsw.Error as error:
            raise StatementFailed(str(error)) from error


class StagedFile:
    """The port's `StagedBackup`: `draft` is the copy of `backup`, in a private folder of `directory`."""

    def __init__(self, directory: Path, backup: Path, draft: Path, measured: FileDigest) -> None:
        self.measured = measured
        self._directory = directory
        self._backup = backup
        self._draft = draft

    @contextmanager
    def opened(self, now: int) -> Iterator[StagedContent]:
        with translate_errors(self._backup), closing(connect(self._draft, "rw")) as connection:
            _check_and_migrate(connection, self._backup, now)
            yield StagedContent(connection)

    def put_in_place(self, epoch: int) -> None:
        _put_in_place(self._draft, self._directory, epoch)


@contextmanager
def stage_backup(directory: Path, backup: Path) -> Iterator[StagedFile]:
    """Copy a backup into the directory, created if missing; deleted at the end of the context. Raises StoreRefused."""
    with data_directory.translate_errors(directory):
        data_directory.make_directory(directory)
    with translate_errors(backup), private_folder(directory) as folder:
        draft = folder / FILE_NAME
        yield StagedFile(directory, backup, draft, _copy(backup, draft))


def _copy(backup: Path, draft: Path) -> FileDigest:
    """Raises StoreRefused, OSError."""
    for log in _LOGS:
        beside = backup.with_name(backup.name + log)
        if beside.exists() and beside.stat().st_size:
            raise StoreRefused(f"{backup} is no backup but a database in use: {beside} belongs to it.")
    make_new(draft)
    with draft.open("wb") as file:
        return measure(backup, file.write)


def _check_and_migrate(connection: apsw.Connection, backup: Path, now: int) -> None:
    """Check integrity and structure of the copy, and migrate it. Raises StoreRefused."""
    connection.execute("PRAGMA cell_size_check = ON")
    pending = check_own_structure(connection, backup)
    if len(pending) == len(known_migrations()):
        raise StoreRefused(f"{backup} is not a database of Keyturn.")
    result = connection.execute("PRAGMA integrity_check(1)").get
    if result != "ok":
        raise StoreRefused(f"{backup} is damaged: {result}.")
    for migration in pending:
        apply_migration(connection, migration, now)
    check_references(connection)


@contextmanager
def _transaction(connection: apsw.Connection, now: int) -> Iterator[SqliteTx]:
    """One transaction without a store: committed at the end, rolled back on an exception."""
    connection.execute("BEGIN IMMEDIATE")
    tx = SqliteTx(connection, Moment(now, now))
    try:
        yield tx
        tx.write_notes()
    except BaseException:
        tx.end()
        connection.execute("ROLLBACK")
        raise
    tx.end()
    connection.execute("COMMIT")


def earlier_epochs(directory: Path) -> list[int]:
    """Numbers of the former databases that earlier restores left in the directory."""
    suffixes = [path.name.removeprefix(_BEFORE) for path in directory.glob(f"{_BEFORE}*")]
    return [int(suffix) for suffix in suffixes if suffix.isascii() and suffix.isdecimal()]


def _put_in_place(draft: Path, directory: Path, epoch: int) -> None:
    """Rename the copy to the database's name; the former one becomes ``keyturn.db.before-<epoch>``. Raises OSError.

    A marker keeps servers from starting meanwhile: they would find no database, or the old one without its log.
    """
    path, marker = directory / FILE_NAME, directory / RESTORE_MARKER
    _sync(draft)
    marker.touch(mode=0o600)
    sync_directory(directory)
    for suffix in ("", *_LEFTOVERS):  # the log of the old database must not be taken for the new one's
        old = path.with_name(path.name + suffix)
        if old.exists():
            old.rename(path.with_name(f"{_BEFORE}{epoch}{suffix}"))
    draft.rename(path)
    sync_directory(directory)
    marker.unlink()
    sync_directory(directory)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
