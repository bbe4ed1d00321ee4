"""What the store keeps about itself."""

import sqlite3

from keyturn.store.clock_state import decode
from keyturn.timekeeping import Timekeeper

# A value of its own each time: SQLite writes no page for a row that stays as it was.
_PROBE = """
INSERT INTO store_fact (name, value) VALUES ('probe', hex(randomblob(8)))
ON CONFLICT (name) DO UPDATE SET value = excluded.value
"""


def store_epoch(connection: sqlite3.Connection) -> int:
    """The store's epoch: 1 in a new store."""
    connection.execute("INSERT INTO store_fact (name, value) VALUES ('epoch', '1') ON CONFLICT DO NOTHING")
    row = connection.execute("SELECT value FROM store_fact WHERE name = 'epoch'").fetchone()
    return int(row[0])


def stated_epoch(connection: sqlite3.Connection) -> int:
    """The epoch that a database says it is of, which may be anybody's."""
    row = connection.execute("SELECT CAST(value AS INTEGER) FROM store_fact WHERE name = 'epoch'").fetchone()
    return int(row[0]) if row else 0


def committed_time(connection: sqlite3.Connection) -> int:
    """The instant of the newest entry: no transaction is ever dated before it."""
    row = connection.execute("SELECT at FROM entry ORDER BY seq DESC LIMIT 1").fetchone()
    return int(row[0]) if row else 0


def resume_time(connection: sqlite3.Connection, time: Timekeeper) -> None:
    """Let `time` go on from where it stood when the store was closed. A store without tables has no time yet."""
    (made,) = connection.execute("SELECT count(*) FROM sqlite_master WHERE name IN ('store_fact', 'entry')").fetchone()
    if made == 2:
        row = connection.execute("SELECT value FROM store_fact WHERE name = 'clock'").fetchone()
        time.resume(decode(row[0]) if row else None, committed_time(connection))


def prove_writable(connection: sqlite3.Connection) -> int:
    """End what a failed batch left open and commit a small change. Returns the committed time."""
    if connection.in_transaction:
        connection.execute("ROLLBACK")
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(_PROBE)
    connection.execute("COMMIT")
    return committed_time(connection)
