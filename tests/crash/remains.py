"""What a data directory holds, looked at without its server: rows, audit entries, and whether they agree."""

import shutil
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from keyturn.commands.states import TRANSITIONS, State

INITIAL = {"Confirming", "AwaitingApproval", "Queued", "Refused"}
"""States in which a row can be registered."""
IN_FLIGHT = ("Queued", "Dispatching", "Accepted", "Unknown")

_STATES = "SELECT id, state FROM command"
_IN_FLIGHT = f"SELECT state, count(*) FROM command WHERE state IN {IN_FLIGHT} GROUP BY state"
_UNDECIDED = "SELECT count(*) FROM command WHERE status IN ('Pending', 'Confirmation')"
_TRANSITIONS = """
SELECT command_id, substr(kind, 9), json_extract(body, '$.from') FROM entry
WHERE json_extract(body, '$.from') IS NOT NULL AND kind LIKE 'command.%' ORDER BY seq
"""
_REGISTERED = "SELECT command_id, count(*) FROM entry WHERE kind = 'command.registered' GROUP BY command_id"


@contextmanager
def copied(data: Path, folder: Path) -> Iterator[sqlite3.Connection]:
    """The database as its server left it, opened apart so that the original stays so."""
    folder.mkdir()
    for path in (data / "keyturn.db", data / "keyturn.db-wal"):
        if path.exists():
            shutil.copyfile(path, folder / path.name)
    with closing(sqlite3.connect(folder / "keyturn.db")) as connection:
        yield connection


@contextmanager
def watched(data: Path) -> Iterator[sqlite3.Connection]:
    """The database of a server that runs."""
    with closing(sqlite3.connect(f"{(data / 'keyturn.db').as_uri()}?mode=ro", uri=True)) as connection:
        yield connection


def states(connection: sqlite3.Connection) -> dict[str, str]:
    """State by command id."""
    return dict(connection.execute(_STATES))


def in_flight(connection: sqlite3.Connection) -> Counter[str]:
    """How many commands are in each of the states that are in flight."""
    return Counter(dict(connection.execute(_IN_FLIGHT)))


def undecided(connection: sqlite3.Connection) -> int:
    """How many commands have no final status."""
    return int(connection.execute(_UNDECIDED).fetchone()[0])


def assert_consistent(connection: sqlite3.Connection) -> None:
    """The file is whole, and every row's state is the end of exactly the transitions that the audit log tells."""
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    rows = states(connection)
    registered = dict(connection.execute(_REGISTERED))
    assert registered == dict.fromkeys(rows, 1)
    told: dict[str, str] = {}
    for command_id, to, before in connection.execute(_TRANSITIONS):
        assert before == told[command_id] if command_id in told else before in INITIAL
        assert State(to) in TRANSITIONS[State(before)]
        told[command_id] = to
    assert {command_id: rows[command_id] for command_id in told} == told
    assert {rows[command_id] for command_id in rows.keys() - told} <= INITIAL
