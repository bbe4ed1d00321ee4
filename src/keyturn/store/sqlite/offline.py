"""Reads a data directory without opening the store: one read-only transaction."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from keyturn.store.port import ReadTx, StatementFailed, StoreRefused
from keyturn.store.sqlite.connection import connect
from keyturn.store.sqlite.directory import FILE_NAME, translate_errors
from keyturn.store.sqlite.migration import APPLICATION_ID
from keyturn.store.sqlite.structure import check_own_structure
from keyturn.store.sqlite.transaction import SqliteReadTx
from keyturn.timekeeping import Moment


@contextmanager
def read_offline(directory: Path) -> Iterator[ReadTx]:
    """The committed state, with or without a running server; `now` is 0. Raises StoreRefused, StatementFailed."""
    path = directory / FILE_NAME
    with translate_errors(path):
        connection = connect(path, "ro")
    with closing(connection):
        connection.text_factory = _text
        with translate_errors(path):
            _check(connection, path)
            connection.execute("BEGIN")
        try:
            yield SqliteReadTx(connection, Moment(0, 0))
        except sqlite3.Error as error:
            raise StatementFailed(str(error)) from error


def _check(connection: sqlite3.Connection, path: Path) -> None:
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    if application != APPLICATION_ID:
        raise StoreRefused(f"{path} is not a database of Keyturn.")
    check_own_structure(connection, path)


def _text(raw: bytes) -> str:
    """Decode leniently: invalid UTF-8 was not written by Keyturn, but must not stop a verification."""
    return raw.decode(errors="replace")
