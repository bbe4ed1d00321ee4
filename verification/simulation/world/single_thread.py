"""SQLite for a process in which one thread uses it: without the locks and counters that are for several."""

import _sqlite3
import contextlib
import ctypes

_SINGLE_THREAD, _MEMORY_STATUS = 1, 9
"""SQLITE_CONFIG_SINGLETHREAD and SQLITE_CONFIG_MEMSTATUS."""


def without_locks() -> None:
    """Call it before the first connection; it saves a fifteenth of a scenario's instructions, where it is possible."""
    with contextlib.suppress(AttributeError, OSError):  # it is inside the interpreter, and not to be called
        sqlite = ctypes.CDLL(_sqlite3.__file__)
        sqlite.sqlite3_shutdown()
        sqlite.sqlite3_config(_SINGLE_THREAD)
        sqlite.sqlite3_config(_MEMORY_STATUS, 0)
        sqlite.sqlite3_initialize()
