"""Facts about the store itself: its epoch, its time, and whether it can be written."""

import apsw

from keyturn.store.clock_state import decode
from keyturn.timekeeping import Timekeeper

# A random value, because SQLite writes no page for an unchanged row.
_PROBE = """
INSERT INTO store_fact (name, value) VALUES ('probe', hex(randomblob(8)))
ON CONFLICT (name) DO UPDATE SET value = excluded.value
"""


def store_epoch(connection: apsw.Connection) -> int:
    """The store's epoch: 1 in a new store."""
    connection.execute("INSERT INTO store_fact (name, value) VALUES ('epoch', '1') ON CONFLICT DO NOTHING")
    return int(connection.execute("SELECT value FROM store_fact WHERE name = 'epoch'").get or 0)


def stated_epoch(connection: apsw.Connection) -> int:
    """The epoch that a database states; an untrusted value, 0 without one."""
    return int(connection.execute("SELECT CAST(value AS INTEGER) FROM store_fact WHERE name = 'epoch'").get or 0)


def committed_time(connection: apsw.Connection) -> int:
    """The instant of the newest entry; 0 without one. No transaction is dated before it."""
    return int(connection.execute("SELECT at FROM entry ORDER BY seq DESC LIMIT 1").get or 0)


def resume_time(connection: apsw.Connection, time: Timekeeper) -> None:
    """Resume `time` from the stored clock state and the newest entry; a new store has neither."""
    tables = connection.execute("SELECT count(*) FROM sqlite_master WHERE name IN ('store_fact', 'entry')").get
    if tables == 2:
        state = connection.execute("SELECT value FROM store_fact WHERE name = 'clock'").get
        time.resume(None if state is None else decode(state), committed_time(connection))


def prove_writable(connection: apsw.Connection) -> int:
    """Roll back what a failed batch left open, and commit a small change. Returns the committed time."""
    if connection.in_transaction:
        connection.execute("ROLLBACK")
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(_PROBE)
    connection.execute("COMMIT")
    return committed_time(connection)
