"""A data directory that scenarios use one after another, with connections that outlive the nodes they are lent to.

Opening connections and preparing their statements would take a fifth of a scenario's time.
"""

import shutil
import sqlite3
from collections import defaultdict
from pathlib import Path
from typing import Any, Self, cast

from keyturn.store.sqlite.connection import connect
from keyturn.store.sqlite.store import FILE_NAME

_TABLES = "SELECT name FROM main.sqlite_master WHERE type = 'table' AND sql LIKE 'CREATE TABLE%' ORDER BY rowid"


class Lent:
    """What a store needs of a `sqlite3.Connection`. Closing it undoes what was not committed and gives it back."""

    def __init__(self, connection: sqlite3.Connection, free: list[sqlite3.Connection]) -> None:
        self._connection: sqlite3.Connection | None = connection
        self._free = free

    @property
    def in_transaction(self) -> bool:
        return self._open().in_transaction

    def execute(self, sql: str, values: Any = ()) -> sqlite3.Cursor:
        return self._open().execute(sql, values)

    def commit(self) -> None:
        self._open().commit()

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.rollback()
            self._free.append(connection)

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            raise sqlite3.ProgrammingError("Its process has died.")
        return self._connection


class LentToRead(Lent):
    """Nothing is written while a read runs, in a world with one thread: it needs no transaction to see one moment."""

    def __init__(self, connection: sqlite3.Connection, free: list[sqlite3.Connection]) -> None:
        super().__init__(connection, free)
        self._nothing = connection.cursor()

    def execute(self, sql: str, values: Any = ()) -> sqlite3.Cursor:
        return self._nothing if sql == "BEGIN" else super().execute(sql, values)


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
        self._restorer.execute("ATTACH ? AS template", (str(template / FILE_NAME),))
        self._tables = [name for (name,) in self._restorer.execute(_TABLES)]
        self._filled = [table for table in self._tables if self._has_rows(table)]
        self.inspector = connect(path, "ro")
        self.inspector.row_factory = sqlite3.Row

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        for connection in (*(kept for free in self._free.values() for kept in free), self.inspector, self._restorer):
            connection.close()
        shutil.rmtree(self.directory)

    def refresh(self) -> None:
        """As on the first day. Every lent connection must be back."""
        with self._restorer as restorer:
            restorer.execute("BEGIN IMMEDIATE")
            for table in self._tables:
                restorer.execute(f"DELETE FROM main.{table}")
            for table in self._filled:
                restorer.execute(f"INSERT INTO main.{table} SELECT * FROM template.{table}")

        self._restorer.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # a store that is opened writes the log again

    def _has_rows(self, table: str) -> bool:
        return self._restorer.execute(f"SELECT 1 FROM template.{table}").fetchone() is not None

    def set_epoch(self, epoch: int) -> None:
        """As a restore does."""
        with self._restorer as restorer:
            restorer.execute("UPDATE main.store_fact SET value = ? WHERE name = 'epoch'", (str(epoch),))

    def lend(self, path: Path, mode: str) -> sqlite3.Connection:
        """A connection as `keyturn.store.sqlite.connection.connect` makes them."""
        free = self._free[mode]
        lent = LentToRead if mode == "ro" else Lent
        return cast("sqlite3.Connection", lent(free.pop() if free else connect(path, mode), free))
