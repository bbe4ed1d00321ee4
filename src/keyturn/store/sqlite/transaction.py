"""The port's transactions on a SQLite connection, and which errors end a whole transaction."""

import re
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any

import apsw

from keyturn.bus.topics import IdT, Topic
from keyturn.store.port import Conflict, Note, Row, StatementFailed
from keyturn.timekeeping import Moment


class Statements:
    """Statements on one connection that share a cursor: each ends the one before, and `end` the last one.

    A statement with unread rows would hold its snapshot, and refuse a savepoint.
    """

    __slots__ = ("_connection", "_cursor")

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self._cursor: Any = connection.cursor()

    def end(self) -> None:
        """Close the cursor."""
        self._cursor.close()

    def one(self, sql: str, /, *values: object, **named: object) -> Row | None:
        row: Row | None = self._cursor.execute(without_lock(sql), values or named).fetchone()
        return row

    def all(self, sql: str, /, *values: object, **named: object) -> list[Row]:
        rows: list[Row] = self._cursor.execute(without_lock(sql), values or named).fetchall()
        return rows


class SqliteReadTx(Statements):
    """The port's `ReadTx`. `read_clock` gives its instant when that is asked for the first time: few reads need it."""

    __slots__ = ("_moment", "_read_clock")

    def __init__(self, connection: apsw.Connection, read_clock: Callable[[], Moment]) -> None:
        super().__init__(connection)
        self._read_clock = read_clock
        self._moment: Moment | None = None

    @property
    def moment(self) -> Moment:
        if self._moment is None:
            self._moment = self._read_clock()
        return self._moment

    @property
    def now(self) -> int:
        return self.moment.now


class SqliteTx(Statements):
    """The port's `Tx`; `announced`, `notes` and `outcomes` are what its units asked for, in order.

    The first `written` notes have written themselves.
    """

    __slots__ = ("announced", "moment", "notes", "now", "outcomes", "written")

    def __init__(self, connection: apsw.Connection, moment: Moment) -> None:
        super().__init__(connection)
        self.moment = moment
        self.now = moment.now
        self.announced: list[tuple[Topic[Any], str, object]] = []
        self.notes: list[Note] = []
        self.written = 0
        self.outcomes: list[Callable[[bool], None]] = []

    def run(self, sql: str, /, *values: object, **named: object) -> int:
        self._cursor.execute(without_lock(sql), values or named)
        return self._connection.changes()

    def run_many(self, sql: str, rows: Iterable[Sequence[object]], /) -> int:
        before = self._connection.total_changes()
        self._cursor.executemany(sql, rows)
        return self._connection.total_changes() - before

    def lock(self, sql: str, /, *values: object, **named: object) -> None:
        """Nothing to do: there is one writer."""

    def announce(self, topic: Topic[IdT], key: IdT, row: object = None) -> None:
        self.announced.append((topic, key, row))

    def remember(self, note: Note) -> None:
        self.notes.append(note)

    def write_notes(self) -> None:
        for note in self.notes[self.written :]:
            note.write(self)
        self.written = len(self.notes)

    def on_outcome(self, act: Callable[[bool], None]) -> None:
        self.outcomes.append(act)


_LOCK = re.compile(r"\s+FOR\s+UPDATE\s*$", re.IGNORECASE)
_UNITS_OWN = frozenset(
    {
        apsw.SQLITE_ERROR,
        apsw.SQLITE_TOOBIG,
        apsw.SQLITE_CONSTRAINT,
        apsw.SQLITE_MISMATCH,
        apsw.SQLITE_MISUSE,
        apsw.SQLITE_RANGE,
    }
)
_CONFLICTS = frozenset({apsw.SQLITE_CONSTRAINT_UNIQUE, apsw.SQLITE_CONSTRAINT_PRIMARYKEY})


def ends_transaction(error: BaseException) -> bool:
    """Whether the disk, the file or the memory failed, instead of a statement or its values."""
    if isinstance(error, apsw.Error):
        return getattr(error, "result", apsw.SQLITE_ERROR) not in _UNITS_OWN
    return isinstance(error, MemoryError)


def for_caller(error: BaseException) -> BaseException:
    """The exception that a unit's caller gets: `error` itself, unless it is SQLite's own."""
    if not isinstance(error, apsw.Error):
        return error
    refused = getattr(error, "extendedresult", 0) in _CONFLICTS
    translated = Conflict(str(error)) if refused else StatementFailed(str(error))
    translated.__cause__ = error
    return translated


@lru_cache(maxsize=1024)
def without_lock(sql: str) -> str:
    """Remove a trailing ``FOR UPDATE``: there is one writer."""
    return _LOCK.sub("", sql)
