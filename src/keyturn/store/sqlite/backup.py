"""Copies of the database: one taken while the server works, and its way back, which raises the store's epoch.

A backup holds no key: the key file is kept elsewhere.
"""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from keyturn.private_files import sync_directory
from keyturn.store.port import StoreRefused
from keyturn.store.sqlite.connection import connect
from keyturn.store.sqlite.directory import make_directory, make_file, refused
from keyturn.store.sqlite.store import FILE_NAME

_PAGES = 4096
"""Copied at a time, so that a long copy never holds the file for long."""
_RAISE_EPOCH = "UPDATE store_fact SET value = CAST(value AS INTEGER) + 1 WHERE name = 'epoch' RETURNING value"
_LEFTOVERS = ("-wal", "-shm")


def back_up(directory: Path, target: Path) -> int:
    """Copy the database as it stands at one moment to the new file `target`, mode 0600; its size in bytes.

    Runs beside a working server, in a thread of its own. Raises StoreRefused.
    """
    with refused(target), closing(connect(directory / FILE_NAME, "ro")) as source:
        if target.exists():
            raise StoreRefused(f"{target} exists already; a backup never overwrites a file.")
        partial = target.with_name(f"{target.name}.partial")
        partial.unlink(missing_ok=True)
        make_file(partial)
        with closing(connect(partial, "rw")) as copy:
            _hold_snapshot(source)
            source.backup(copy, pages=_PAGES)
            copy.execute("PRAGMA journal_mode = DELETE")
        _sync(partial)
        partial.rename(target)
        sync_directory(target.parent)
        return target.stat().st_size


def restore(backup: Path, directory: Path) -> int:
    """Put a backup in the place of a data directory's database, which no server has open; the new epoch.

    Nothing that the backup knows as unsent is ever sent, because it may have been sent since. The database that was
    there stays beside it as ``keyturn.db.before-<epoch>``. Raises StoreRefused.
    """
    with refused(backup):
        make_directory(directory)
        path = directory / FILE_NAME
        incoming = directory / f"{FILE_NAME}.incoming"
        incoming.unlink(missing_ok=True)
        make_file(incoming)
        with closing(connect(backup, "ro")) as source, closing(connect(incoming, "rw")) as copy:
            _check(source, backup)
            source.backup(copy)
            epoch = _raise_epoch(copy, path)
            copy.execute("PRAGMA journal_mode = DELETE")
        _sync(incoming)
        _replace(path, incoming, epoch)
        sync_directory(directory)
        return epoch


def _hold_snapshot(source: sqlite3.Connection) -> None:
    """Without one the copy would start again with every commit that comes in between."""
    source.execute("BEGIN")
    source.execute("SELECT count(*) FROM store_fact").fetchone()


def _check(source: sqlite3.Connection, backup: Path) -> None:
    (verdict,) = source.execute("PRAGMA integrity_check(1)").fetchone()
    if verdict != "ok":
        raise StoreRefused(f"{backup} is damaged: {verdict}.")


def _raise_epoch(copy: sqlite3.Connection, path: Path) -> int:
    """Higher than the backup's, and than that of the database whose place it takes."""
    (epoch,) = copy.execute(_RAISE_EPOCH).fetchone()
    present = _epoch_of(path) if path.exists() else 0
    if int(epoch) <= present:
        copy.execute("UPDATE store_fact SET value = ? WHERE name = 'epoch'", (str(present + 1),))
    return max(int(epoch), present + 1)


def _epoch_of(path: Path) -> int:
    """0 for a database that cannot be read: it is being replaced, perhaps because of that."""
    try:
        with closing(connect(path, "ro")) as present:
            row = present.execute("SELECT value FROM store_fact WHERE name = 'epoch'").fetchone()
    except sqlite3.Error:
        return 0
    return int(row[0]) if row else 0


def _replace(path: Path, incoming: Path, epoch: int) -> None:
    """The log of the old database must not be taken for the new one's."""
    for suffix in ("", *_LEFTOVERS):
        old = path.with_name(path.name + suffix)
        if old.exists():
            old.rename(path.with_name(f"{path.name}.before-{epoch}{suffix}"))
    incoming.rename(path)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
