"""The database file of a node that runs, read without its help: with the store's own SQLite.

Another SQLite library in this process would drop the store's locks when it closes the file, and delete its log.
"""

import json
from contextlib import closing
from pathlib import Path
from typing import Any

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


class StoreReader:
    """A read-only look at the database of a node that runs."""

    def __init__(self, data: Path) -> None:
        self._file = data / "keyturn.db"

    def rows(self, sql: str, **params: object) -> list[dict[str, Any]]:
        with closing(connect(self._file, writable=False)) as connection:
            connection.row_trace = _by_name
            return list(connection.execute(sql, params))

    def command(self, command_id: str) -> dict[str, Any]:
        """The command's row, with its verdicts decoded."""
        (row,) = self.rows("SELECT * FROM command WHERE id = :id", id=command_id)
        return {**row, "verdicts": json.loads(row["verdicts"] or "[]")}

    def timeline(self, command_id: str) -> list[str]:
        """Kinds of the audit entries of a command, in their order."""
        rows = self.rows("SELECT kind FROM entry WHERE command_id = :id ORDER BY seq", id=command_id)
        return [row["kind"].removeprefix("command.") for row in rows]

    def entries(self, kind: str) -> list[dict[str, Any]]:
        """The audit entries of a kind, each with its body."""
        rows = self.rows("SELECT * FROM entry WHERE kind = :kind ORDER BY seq", kind=kind)
        return [{**row, "body": json.loads(row["body"])} for row in rows]

    def commands_of(self, vin: str) -> list[dict[str, Any]]:
        """Every command of a vehicle, oldest first."""
        return self.rows("SELECT * FROM command WHERE vin = :vin ORDER BY id", vin=vin)

    def immobilisations(self, vin: str) -> list[dict[str, Any]]:
        """The vehicle's immobilisation records, oldest first."""
        return self.rows(
            "SELECT i.* FROM immobilisation i JOIN vehicle v ON v.id = i.vehicle_id WHERE v.vin = :vin ORDER BY i.id",
            vin=vin,
        )

    def known(self, vin: str, signal: str) -> object:
        """The value of a signal as the newest report has it; None where nothing is known."""
        rows = self.rows(
            "SELECT e.report FROM vehicle_evidence e JOIN vehicle v ON v.id = e.vehicle_id WHERE v.vin = :vin", vin=vin
        )
        signals = json.loads(rows[0]["report"]).get("signals", {}) if rows else {}
        return signals.get(signal, {}).get("value")


def _by_name(cursor: apsw.Cursor, row: tuple[Any, ...]) -> dict[str, Any]:
    return dict(zip((column[0] for column in cursor.get_description()), row, strict=True))
