"""The way back from a backup: taken in as octets, looked through, brought up to date, put in the database's place."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from keyturn.private_files import make_new, sync_directory
from keyturn.store.port import StoreRefused
from keyturn.store.sqlite.backup_signature import Measured, measure
from keyturn.store.sqlite.connection import check_references, connect
from keyturn.store.sqlite.directory import refused
from keyturn.store.sqlite.migration import apply_migration, known_migrations
from keyturn.store.sqlite.store import FILE_NAME, INTERRUPTED
from keyturn.store.sqlite.structure import check_own_structure
from keyturn.store.sqlite.transaction import SqliteTx
from keyturn.timekeeping import Moment

_LEFTOVERS = ("-wal", "-shm")
_LOGS = ("-wal", "-journal")
_BEFORE = f"{FILE_NAME}.before-"


def take_in(backup: Path, draft: Path) -> Measured:
    """Copy a backup's octets to the new file `draft`: whatever becomes of it, this is what was looked at.

    Raises StoreRefused.
    """
    with refused(backup):
        for log in _LOGS:
            beside = backup.with_name(backup.name + log)
            if beside.exists() and beside.stat().st_size:
                raise StoreRefused(f"{backup} is no backup but a database in use: {beside} belongs to it.")
        make_new(draft)
        with draft.open("wb") as file:
            return measure(backup, file.write)


@contextmanager
def opened_incoming(draft: Path, backup: Path, now: int) -> Iterator[sqlite3.Connection]:
    """The database that was taken in, found whole, of its own version's structure, and brought up to date.

    Raises StoreRefused, which names `backup`.
    """
    with refused(backup), closing(connect(draft, "rw")) as connection:
        connection.execute("PRAGMA cell_size_check = ON")
        pending = check_own_structure(connection, backup)
        if len(pending) == len(known_migrations()):
            raise StoreRefused(f"{backup} is not a database of Keyturn.")
        (verdict,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
        if verdict != "ok":
            raise StoreRefused(f"{backup} is damaged: {verdict}.")
        for migration in pending:
            apply_migration(connection, migration, now)
        check_references(connection)
        yield connection


@contextmanager
def one_unit(connection: sqlite3.Connection, now: int) -> Iterator[SqliteTx]:
    """One transaction without a store: kept at the end, undone by an exception."""
    connection.execute("BEGIN IMMEDIATE")
    tx = SqliteTx(connection, Moment(now, now))
    try:
        yield tx
    except BaseException:
        tx.end()
        connection.execute("ROLLBACK")
        raise
    tx.end()
    connection.execute("COMMIT")


def earlier_epochs(directory: Path) -> list[int]:
    """Of restores that left a database behind here."""
    suffixes = [path.name.removeprefix(_BEFORE) for path in directory.glob(f"{_BEFORE}*")]
    return [int(suffix) for suffix in suffixes if suffix.isascii() and suffix.isdecimal()]


def put_in_place(draft: Path, directory: Path, epoch: int) -> None:
    """Give the database its name; the one that was there stays as ``keyturn.db.before-<epoch>``. Raises OSError.

    Until all of it is done no server starts here: it would find none, or the old one without its log.
    """
    path, marker = directory / FILE_NAME, directory / INTERRUPTED
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
