"""Opens connections to the SQLite file with the settings that durability and speed require."""

import sqlite3
from pathlib import Path

from keyturn.store.port import StoreRefused

_BUSY_SECONDS = 0.1
"""Seconds that a statement waits for a lock of another program; it blocks the event loop meanwhile."""
_STATEMENTS = 512
"""Prepared statements cached by a connection; more than Keyturn has."""
_CACHE_KIB = 16_384
_CHECKPOINT_PAGES = 4_000
"""Pages in the log from which a commit copies them to the database file, while all units wait."""


def connect(path: Path, mode: str, *, alone: bool = False) -> sqlite3.Connection:
    """Open an existing file (`mode` is ``rw`` or ``ro``); only explicit statements begin and end transactions.

    `alone`: no other process opens it meanwhile, so locks need no system calls (SQLite's VFS ``unix-excl``).
    """
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}{'&vfs=unix-excl' if alone else ''}",
        uri=True,
        timeout=_BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,  # COMMIT runs in another thread, but never concurrently with other calls
        cached_statements=_STATEMENTS,
    )
    try:
        connection.execute("PRAGMA trusted_schema = OFF")  # a foreign file cannot call functions with side effects
        connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
    except BaseException:  # the first statement reads the file, which may not be a SQLite database
        connection.close()
        raise
    return connection


def make_durable(connection: sqlite3.Connection, path: Path) -> None:
    """Use a write-ahead log that every commit syncs. Raises StoreRefused."""
    (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
    if mode != "wal":
        raise StoreRefused(f"{path} is on a file system that cannot hold a write-ahead log.")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")


def check_references(connection: sqlite3.Connection) -> None:
    """Enforce foreign keys from here on; migrations that rebuild a table must run before."""
    (checked,) = connection.execute("PRAGMA foreign_keys").fetchone()
    if not checked:  # setting it again would make SQLite prepare every statement of the connection again
        connection.execute("PRAGMA foreign_keys = ON")
