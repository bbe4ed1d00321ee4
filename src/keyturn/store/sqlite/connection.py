"""Connections to the database file."""

import sqlite3
from pathlib import Path

from keyturn.store.port import StoreRefused

_BUSY_SECONDS = 0.1
"""How long a statement waits for another program that has the file locked: the event loop waits with it."""
_STATEMENTS = 512
"""Prepared statements kept by a connection; more than Keyturn has."""
_CACHE_KIB = 16_384
_CHECKPOINT_PAGES = 4_000
"""A commit that finds so many pages in the log copies them to the file first, and every unit waits for it."""


def connect(path: Path, mode: str, *, alone: bool = False) -> sqlite3.Connection:
    """Open the file that exists (`mode` is ``rw`` or ``ro``); transactions are begun and ended by statements alone.

    `alone`: no other process opens it meanwhile, and locks need no system calls (SQLite's VFS ``unix-excl``).
    """
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}{'&vfs=unix-excl' if alone else ''}",
        uri=True,
        timeout=_BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,  # COMMIT runs in a thread of its own, never at the same time as anything else
        cached_statements=_STATEMENTS,
    )
    try:
        connection.execute("PRAGMA trusted_schema = OFF")  # a file from elsewhere calls nothing that has effects
        connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
    except BaseException:  # the first statement reads the file, which may be none of SQLite's
        connection.close()
        raise
    return connection


def make_durable(connection: sqlite3.Connection, path: Path) -> None:
    """Write ahead into a log that every commit syncs. Raises StoreRefused."""
    (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
    if mode != "wal":
        raise StoreRefused(f"{path} is on a file system that cannot hold a write-ahead log.")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")


def check_references(connection: sqlite3.Connection) -> None:
    """Check foreign keys from here on; a migration that rebuilds a table could not live with it."""
    (checked,) = connection.execute("PRAGMA foreign_keys").fetchone()
    if not checked:  # to say it twice costs: SQLite then prepares every statement of the connection again
        connection.execute("PRAGMA foreign_keys = ON")
