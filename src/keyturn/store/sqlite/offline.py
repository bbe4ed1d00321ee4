"""Reads a data directory without opening the store: one read-only transaction."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import apsw

from keyturn.store.port import ReadTx, Row, StatementFailed, StoreRefused
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
        with translate_errors(path):
            _check(connection, path)
            connection.execute("BEGIN")
        try:
            yield _LenientReadTx(connection, lambda: Moment(0, 0))
        except apsw.Error as error:
            raise StatementFailed(str(error)) from error


def _check(connection: apsw.Connection, path: Path) -> None:
    application = connection.execute("PRAGMA application_id").get
    if application != APPLICATION_ID:
        raise StoreRefused(f"{path} is not a database of Keyturn.")
    check_own_structure(connection, path)


class _LenientReadTx(SqliteReadTx):
    """Decodes leniently: a text that is not UTF-8 was not written by Keyturn, but must not stop a verification."""

    def one(self, sql: str, /, *values: object, **named: object) -> Row | None:
        try:
            return super().one(sql, *values, **named)
        except UnicodeDecodeError:
            return self.all(sql, *values, **named)[0]

    def all(self, sql: str, /, *values: object, **named: object) -> list[Row]:
        try:
            return super().all(sql, *values, **named)
        except UnicodeDecodeError:
            columns = len(self._cursor.description_full or ())
            return [_decoded(row) for row in super().all(_with_types(sql, columns), *values, **named)]


def _with_types(sql: str, columns: int) -> str:
    """The same rows: for each column its type, and its value, a text as its bytes."""
    names = [f"c{number}" for number in range(columns)]
    shown = ", ".join(f"typeof({n}), CASE typeof({n}) WHEN 'text' THEN CAST({n} AS BLOB) ELSE {n} END" for n in names)
    return f"WITH told({', '.join(names)}) AS ({sql}) SELECT {shown} FROM told"  # noqa: S608 - the caller's statement


def _decoded(row: Row) -> Row:
    pairs = zip(row[::2], row[1::2], strict=True)
    return tuple(value.decode(errors="replace") if kind == "text" else value for kind, value in pairs)
