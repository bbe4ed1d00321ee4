"""Facts about the store itself: its epoch, its time, and whether it can be written."""

import sqlite3

from keyturn.store.clock_state import decode
from keyturn.timekeeping import Timekeeper

# A random value, because SQLite writes no page for an unchanged row.
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
    """The epoch that a database states; an untrusted value, 0 without one."""
    row = connection.execute("SELECT CAST(value AS INTEGER) FROM store_fact WHERE name = 'epoch'").fetchone()
    return int(row[0]) if row else 0


def committed_time(connection: sqlite3.Connection) -> int:
    """The instant of the newest entry; 0 without one. No transaction is dated before it."""
    row = connection.execute("SELECT at FROM entry ORDER BY seq DESC LIMIT 1").fetchone()
    return int(row[0]) if row else 0


def resume_time(connection: sqlite3.Connection, time: Timekeeper) -> None:
    """Resume `time` from the stored clock state and the newest entry; a new store has neither."""
    (tables,) = connection.execute(
        "SELECT count(*) FROM sqlite_master WHERE name IN ('store_fact', 'entry')"
    ).fetchone()
    if tables == 2:
        row = connection.execute("SELECT value FROM store_fact WHERE name = 'clock'").fetchone()
        time.resume(decode(row[0]) if row else None, committed_time(connection))


def prove_writable(connection: sqlite3.Connection) -> int:
    """Roll back what a failed batch left open, and commit a small change. Returns the committed time."""
    if connection.in_transaction:
        connection.execute("ROLLBACK")
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(_PROBE)
    connection.execute("COMMIT")
    return committed_time(connection)
