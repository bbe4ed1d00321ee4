"""What a killed server left, looked at apart."""

import shutil
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

IN_FLIGHT = ("Queued", "Dispatching", "Accepted", "Unknown")

_STATES = "SELECT id, state FROM command"
_IN_FLIGHT = f"SELECT state, count(*) FROM command WHERE state IN {IN_FLIGHT} GROUP BY state"


@contextmanager
def copied(data: Path, folder: Path) -> Iterator[sqlite3.Connection]:
    """The database as its server left it, opened apart so that the original stays so."""
    folder.mkdir()
    for path in (data / "keyturn.db", data / "keyturn.db-wal"):
        if path.exists():
            shutil.copyfile(path, folder / path.name)
    with closing(sqlite3.connect(folder / "keyturn.db")) as connection:
        yield connection


def states(connection: sqlite3.Connection) -> dict[str, str]:
    """State by command id."""
    return dict(connection.execute(_STATES))


def in_flight(connection: sqlite3.Connection) -> Counter[str]:
    """How many commands are in each of the states that are in flight."""
    return Counter(dict(connection.execute(_IN_FLIGHT)))
