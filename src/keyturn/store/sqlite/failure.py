"""Which errors are a unit's own, and which end its whole transaction."""

import sqlite3

_UNITS_OWN = frozenset(
    {
        sqlite3.SQLITE_ERROR,
        sqlite3.SQLITE_TOOBIG,
        sqlite3.SQLITE_CONSTRAINT,
        sqlite3.SQLITE_MISMATCH,
        sqlite3.SQLITE_MISUSE,
        sqlite3.SQLITE_RANGE,
    }
)
_PRIMARY = 0xFF
"""SQLite's extended result codes carry the primary code in their lowest byte."""


def ends_transaction(error: BaseException) -> bool:
    """Whether the disk, the file or the memory failed, rather than a statement or its values."""
    if isinstance(error, sqlite3.Error):
        return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & _PRIMARY not in _UNITS_OWN
    return isinstance(error, MemoryError)
