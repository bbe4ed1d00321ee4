"""What a data directory holds, looked at without its server."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

_UNDECIDED = "SELECT count(*) FROM command WHERE status IN ('Pending', 'Confirmation')"


@contextmanager
def watched(data: Path) -> Iterator[sqlite3.Connection]:
    """The database of a server that runs, or that ended well."""
    with closing(sqlite3.connect(f"{(data / 'keyturn.db').as_uri()}?mode=ro", uri=True)) as connection:
        yield connection


def undecided(connection: sqlite3.Connection) -> int:
    """How many commands have no final status."""
    return int(connection.execute(_UNDECIDED).fetchone()[0])
