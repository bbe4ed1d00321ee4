"""The port's transactions on a SQLite connection, and which errors end a whole transaction."""

import sqlite3
from collections.abc import Callable
from typing import Any

from keyturn.bus.topics import IdT, Topic
from keyturn.store.port import Row
from keyturn.store.sqlite.statement import translate
from keyturn.timekeeping import Moment


class SqliteReadTx:
    """The port's `ReadTx` on one connection at one instant. Its statements share one cursor, which `end` closes."""

    __slots__ = ("_cursor", "moment", "now")

    def __init__(self, connection: sqlite3.Connection, moment: Moment) -> None:
        self._cursor = connection.cursor()
        self.moment = moment
        self.now = moment.now

    def end(self) -> None:
        """Close the cursor; a statement with unread rows would hold its snapshot beyond the transaction."""
        self._cursor.close()

    def one(self, sql: str, /, **params: object) -> Row | None:
        row: Row | None = self._execute(sql, params).fetchone()
        return row

    def all(self, sql: str, /, **params: object) -> list[Row]:
        return self._execute(sql, params).fetchall()

    def _execute(self, sql: str, params: dict[str, object]) -> sqlite3.Cursor:
        text, values = translate(sql)
        return self._cursor.execute(text, values(params))


class SqliteTx(SqliteReadTx):
    """The port's `Tx`; `announced` and `outcomes` are what its units asked for, in order."""

    __slots__ = ("announced", "outcomes")

    def __init__(self, connection: sqlite3.Connection, moment: Moment) -> None:
        super().__init__(connection, moment)
        self.announced: list[tuple[Topic[Any], str, object]] = []
        self.outcomes: list[Callable[[bool], None]] = []

    def run(self, sql: str, /, **params: object) -> int:
        return self._execute(sql, params).rowcount

    def lock(self, sql: str, /, **params: object) -> None:
        """Nothing to do: there is one writer."""

    def announce(self, topic: Topic[IdT], key: IdT, row: object = None) -> None:
        self.announced.append((topic, key, row))

    def on_outcome(self, act: Callable[[bool], None]) -> None:
        self.outcomes.append(act)


_UNITS_OWN = frozenset(
    {
        sqlite3.SQLITE_ERROR,
        sqlite3.SQLITE_TOOBIG,
        sqlite3.SQLITE_CONSTRAINT,
        sqlite3.SQLITE_MISMATCH,
        sqlite3.SQLITE_MISUSE,
        sqlite3.SQLITE_RANGE,
    }
)
_PRIMARY = 0xFF
"""SQLite's extended result codes carry the primary code in their lowest byte."""


def ends_transaction(error: BaseException) -> bool:
    """Whether the disk, the file or the memory failed, instead of a statement or its values."""
    if isinstance(error, sqlite3.Error):
        return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & _PRIMARY not in _UNITS_OWN
    return isinstance(error, MemoryError)
