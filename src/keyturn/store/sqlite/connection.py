"""Opens connections to the SQLite file with the settings that durability and speed require.

Everything in the process uses this library's SQLite: the locks of two SQLite libraries in one process do not know of
each other, and closing a file in one of them would drop the other's.
"""

from pathlib import Path

import apsw

from keyturn.store.port import StoreRefused

_BUSY_MILLISECONDS = 100
"""Time that a statement waits for a lock of another program; it blocks the event loop meanwhile."""
_STATEMENTS = 192
"""Prepared statements cached by a connection; more than Keyturn has."""
_CACHE_KIB = 16_384
_MODES = {"rw": apsw.SQLITE_OPEN_READWRITE, "ro": apsw.SQLITE_OPEN_READONLY}


def connect(path: Path, mode: str, *, alone: bool = False) -> apsw.Connection:
    """Open an existing file (`mode` is ``rw`` or ``ro``); only explicit statements begin and end transactions.

    `alone`: no other process opens it meanwhile, so locks need no system calls (SQLite's VFS ``unix-excl``).
    """
    vfs = "unix-excl" if alone else None
    connection = apsw.Connection(str(path.absolute()), _MODES[mode], vfs, _STATEMENTS)
    try:
        connection.set_busy_timeout(_BUSY_MILLISECONDS)
        # Without it, this library plans a join again for every new value of a parameter.
        connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
        connection.execute("PRAGMA trusted_schema = OFF")  # a foreign file cannot call functions with side effects
        connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
    except BaseException:  # the first statement reads the file, which may not be a SQLite database
        connection.close()
        raise
    return connection


def make_durable(connection: apsw.Connection, path: Path) -> None:
    """Use a write-ahead log that every commit syncs. Raises StoreRefused."""
    mode = connection.execute("PRAGMA journal_mode = WAL").get
    if mode != "wal":
        raise StoreRefused(f"{path} is on a file system that cannot hold a write-ahead log.")
    connection.execute("PRAGMA synchronous = FULL")


def check_references(connection: apsw.Connection) -> None:
    """Enforce foreign keys from here on; migrations that rebuild a table must run before."""
    checked = connection.execute("PRAGMA foreign_keys").get
    if not checked:  # setting it again would make SQLite prepare every statement of the connection again
        connection.execute("PRAGMA foreign_keys = ON")
