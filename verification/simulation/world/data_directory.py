"""A data directory that scenarios use one after another, with connections that outlive the nodes they are lent to.

Opening connections and preparing their statements would take a fifth of a scenario's time.
"""

import os
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import NoReturn, Self, cast

import apsw

from keyturn.store.sqlite import connection
from keyturn.store.sqlite.directory import FILE_NAME

connect = partial(connection.connect, alone=True)


class PooledConnection:
    """What a store needs of a `apsw.Connection`. Closing it undoes what was not committed and gives it back.

    Its methods are the connection's own: a wrapper around them would be a tenth of their time.
    """

    def __init__(self, connection: apsw.Connection, free: list[apsw.Connection]) -> None:
        self._connection: apsw.Connection | None = connection
        self._free = free
        self.cursor: Callable[[], apsw.Cursor] = connection.cursor
        self.execute: Callable[..., apsw.Cursor] = connection.execute
        self.changes: Callable[[], int] = connection.changes
        self.total_changes: Callable[[], int] = connection.total_changes
        self.last_insert_rowid: Callable[[], int] = connection.last_insert_rowid
        self.set_wal_hook: Callable[..., None] = connection.set_wal_hook

    @property
    def in_transaction(self) -> bool:
        return self._connection is not None and self._connection.in_transaction

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            self.cursor = self.execute = self.changes = _has_died
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            self._free.append(connection)


class PooledReader(PooledConnection):
    """Nothing is written while a read runs, in a world with one thread: it needs no transaction to see one moment."""

    in_transaction = False

    def __init__(self, connection: apsw.Connection, free: list[apsw.Connection]) -> None:
        super().__init__(connection, free)
        nothing, execute = connection.cursor(), connection.execute
        self.execute = lambda sql, values=(): nothing if sql == "BEGIN" else execute(sql, values)


def _has_died(*_asked: object) -> NoReturn:
    raise apsw.ConnectionClosedError("Its process has died.")


class DataDirectory:
    """`refresh` makes the database in `directory` what that of `template` is."""

    def __init__(self, template: Path, directory: Path) -> None:
        directory.mkdir(exist_ok=True)
        self.directory = directory
        self._path = directory / FILE_NAME
        self._first_day = (template / FILE_NAME).read_bytes()
        self._path.write_bytes(self._first_day)
        self._handle = os.open(self._path, os.O_RDWR | os.O_CLOEXEC)
        self._free: dict[str, list[apsw.Connection]] = defaultdict(list)
        self._made: list[apsw.Connection] = []
        """All of them, also those that are lent."""
        self._checkpointer = connect(self._path, "rw")
        self.inspector = connect(self._path, "ro")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        for open_one in (*self._made, self.inspector, self._checkpointer):
            open_one.close()
        os.close(self._handle)
        shutil.rmtree(self.directory)

    def refresh(self) -> None:
        """As on the first day. Every lent connection must be back.

        An emptied log tells every connection that the pages it remembers are of the past, but for the one that
        emptied it: that one never reads. What the file holds by then is written over, and it stays as long as it is,
        for the log remembers how many pages there were; the first page tells which of them count.
        """
        told = self._checkpointer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if told is None or told[0]:
            raise RuntimeError("a connection still reads or writes")
        os.pwrite(self._handle, self._first_day, 0)

    def set_epoch(self, epoch: int) -> None:
        """As a restore does."""
        with closing(connect(self._path, "rw")) as connection:
            connection.execute("UPDATE store_fact SET value = ? WHERE name = 'epoch'", (str(epoch),))

    def enrol(self, statements: Iterable[str]) -> None:
        """Before anything begins: what this scenario has beside the template."""
        with closing(connect(self._path, "rw")) as connection:
            for statement in statements:
                connection.execute(statement)

    def lend(self, path: Path, mode: str) -> apsw.Connection:
        """A connection as `keyturn.store.sqlite.connection.connect` makes them."""
        free = self._free[mode]
        if not free:
            self._made.append(connect(path, mode))
            free.append(self._made[-1])
        lent = PooledReader if mode == "ro" else PooledConnection
        return cast("apsw.Connection", lent(free.pop(), free))
