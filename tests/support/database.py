"""Opens database files that a store of this process may have open: with the store's own SQLite.

Another SQLite library in this process would drop the store's locks when it closes the file, and delete its log.
"""

from pathlib import Path

import apsw

_BUSY_MILLISECONDS = 5_000


def connect(file: Path | str, *, writable: bool = True) -> apsw.Connection:
    """A connection whose statements are transactions of their own; a writable one makes a missing file."""
    flags = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE if writable else apsw.SQLITE_OPEN_READONLY
    connection = apsw.Connection(str(file), flags)
    connection.set_busy_timeout(_BUSY_MILLISECONDS)
    return connection


def changed(connection: apsw.Connection, statement: str, values: object = None) -> int:
    """The number of rows that the statement changed; -1: it is none that changes rows."""
    connection.execute(statement, values).fetchall()  # type: ignore[arg-type]
    return connection.changes() if statement.lstrip().startswith(("INSERT", "UPDATE", "DELETE")) else -1
