"""What a unit of work sees of a SQLite connection."""

import sqlite3

from keyturn.store.port import Row
from keyturn.store.sqlite.statement import translate


class SqliteReadTx:
    """The port's `ReadTx` on one connection at one instant."""

    __slots__ = ("_connection", "now")

    def __init__(self, connection: sqlite3.Connection, now: int) -> None:
        self._connection = connection
        self.now = now

    def one(self, sql: str, /, **params: object) -> Row | None:
        row: Row | None = self._execute(sql, params).fetchone()
        return row

    def all(self, sql: str, /, **params: object) -> list[Row]:
        return self._execute(sql, params).fetchall()

    def _execute(self, sql: str, params: dict[str, object]) -> sqlite3.Cursor:
        text, names = translate(sql)
        return self._connection.execute(text, [params[name] for name in names])


class SqliteTx(SqliteReadTx):
    """The port's `Tx`; `announced` is what its units said, in their order."""

    __slots__ = ("announced",)

    def __init__(self, connection: sqlite3.Connection, now: int) -> None:
        super().__init__(connection, now)
        self.announced: list[tuple[str, str]] = []

    def run(self, sql: str, /, **params: object) -> int:
        return self._execute(sql, params).rowcount

    def lock(self, sql: str, /, **params: object) -> None:
        """There is one writer."""

    def announce(self, topic: str, key: str) -> None:
        self.announced.append((topic, key))
