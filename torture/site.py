"""A data directory that scenarios use one after another, with connections that outlive the nodes they are lent to.

Opening connections and preparing their statements would take a fifth of a scenario's time.
"""

import shutil
import sqlite3
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NoReturn, Self, cast

from keyturn.store.sqlite import connection
from keyturn.store.sqlite.store import FILE_NAME

connect = partial(connection.connect, alone=True)
_TABLES = "SELECT name FROM main.sqlite_master WHERE type = 'table' AND sql LIKE 'CREATE TABLE%' ORDER BY rowid"


class Lent:
    """What a store needs of a `sqlite3.Connection`. Closing it undoes what was not committed and gives it back.

    `execute` and `commit` are the connection's own: a wrapper around them would be a tenth of their time.
    """

    def __init__(self, connection: sqlite3.Connection, free: list[sqlite3.Connection]) -> None:
        self._connection: sqlite3.Connection | None = connection
        self._free = free
        self.execute: Callable[..., sqlite3.Cursor] = connection.execute
        self.commit: Callable[[], None] = connection.commit

    @property
    def in_transaction(self) -> bool:
        return self._connection is not None and self._connection.in_transaction

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            self.execute = self.commit = _has_died
            connection.rollback()
            self._free.append(connection)


class LentToRead(Lent):
    """Nothing is written while a read runs, in a world with one thread: it needs no transaction to see one moment."""

    def __init__(self, connection: sqlite3.Connection, free: list[sqlite3.Connection]) -> None:
        super().__init__(connection, free)
        nothing, execute = connection.cursor(), connection.execute
        self.execute = lambda sql, values=(): nothing if sql == "BEGIN" else execute(sql, values)


def _has_died(*_asked: object) -> NoReturn:
    raise sqlite3.ProgrammingError("Its process has died.")


class Site:
    """`refresh` makes the files of `directory` what those of `template` are."""

    def __init__(self, template: Path, directory: Path) -> None:
        directory.mkdir(exist_ok=True)
        self.directory = directory
        path = directory / FILE_NAME
        shutil.copyfile(template / FILE_NAME, path)
        self._free: dict[str, list[sqlite3.Connection]] = defaultdict(list)
        self._restorer = connect(path, "rw")
        self._restorer.execute("PRAGMA busy_timeout = 10000")
        self._restorer.execute("ATTACH ? AS template", (f"{(template / FILE_NAME).as_uri()}?immutable=1&vfs=unix",))
        self._tables = [name for (name,) in self._restorer.execute(_TABLES)]
        self._filled = self._with_rows("template")
        self.inspector = connect(path, "ro")
        self.inspector.row_factory = sqlite3.Row

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        for open_one in (*(kept for free in self._free.values() for kept in free), self.inspector, self._restorer):
            open_one.close()
        shutil.rmtree(self.directory)

    def refresh(self) -> None:
        """As on the first day. Every lent connection must be back."""
        with self._restorer as restorer:
            restorer.execute("BEGIN IMMEDIATE")
            for table in self._with_rows("main"):
                restorer.execute(f"DELETE FROM main.{table}")
            for table in self._filled:
                restorer.execute(f"INSERT INTO main.{table} SELECT * FROM template.{table}")

        self._restorer.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # a store that is opened writes the log again

    def _with_rows(self, schema: str) -> list[str]:
        exist = ", ".join(f"EXISTS (SELECT 1 FROM {schema}.{table})" for table in self._tables)
        found = self._restorer.execute(f"SELECT {exist}").fetchone()
        return [table for table, filled in zip(self._tables, found, strict=True) if filled]

    def set_epoch(self, epoch: int) -> None:
        """As a restore does."""
        with self._restorer as restorer:
            restorer.execute("UPDATE main.store_fact SET value = ? WHERE name = 'epoch'", (str(epoch),))

    def lend(self, path: Path, mode: str) -> sqlite3.Connection:
        """A connection as `keyturn.store.sqlite.connection.connect` makes them."""
        free = self._free[mode]
        lent = LentToRead if mode == "ro" else Lent
        return cast("sqlite3.Connection", lent(free.pop() if free else connect(path, mode), free))
