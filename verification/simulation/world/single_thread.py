"""SQLite for a process in which one thread uses it: without the locks and counters that are for several."""

import contextlib

import apsw


def without_locks() -> None:
    """Call it before the first connection; it saves a fifteenth of a scenario's instructions, where it is possible."""
    with contextlib.suppress(apsw.Error):  # a connection was open before
        apsw.shutdown()
        apsw.config(apsw.SQLITE_CONFIG_SINGLETHREAD)
        apsw.config(apsw.SQLITE_CONFIG_MEMSTATUS, False)
        apsw.initialize()
