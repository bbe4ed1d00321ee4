"""Copies the write-ahead log to the database file, off the path of the commits; and prepares the log for many of them.

SQLite would do it within a commit, while all units wait. A checkpoint of the log's pages so far (PASSIVE) disturbs no
reader and no writer. Where the log grows faster than it is copied, a commit does it after all: the log has a bound.
"""

import os
from concurrent.futures import Executor
from pathlib import Path

import apsw
import structlog

CHECKPOINT_PAGES = 1_000
"""Default of the pages by which the log grows until it is copied again, beside the commits."""
BOUND_PAGES = 8_000
"""Pages in the log from which a commit copies it."""
PREPARED_BYTES = 24 * 1_048_576
_CHUNK = bytes(1_048_576)
_CHECKPOINT = "PRAGMA wal_checkpoint(PASSIVE)"

log = structlog.get_logger(__name__)


class Checkpoints:
    """Of one store. `beside` runs one call at a time on `own`, a connection that nothing else uses.

    `pages`: by so many the log has grown since it was copied last, when it is copied again.
    """

    def __init__(self, writing: apsw.Connection, own: apsw.Connection, beside: Executor, pages: int) -> None:
        self._writing = writing
        self._own = own
        self._beside = beside
        self._due = pages
        self._pages = 0
        self._copied = 0
        """Pages of the log when it was copied last; it begins anew after a whole copy that nothing reads from."""
        self._under_way = False
        self._failing = False
        writing.set_wal_hook(self._committed)

    def commit(self) -> None:
        """Commit the writing connection's transaction, in the thread that waits for the disk. Raises `apsw.Error`."""
        self._writing.execute("COMMIT")
        if self._pages >= BOUND_PAGES:
            self._copied = self._pages
            self._run(self._writing)

    def start_if_due(self) -> None:
        """Begin a checkpoint beside the commits; called after each of them, in one thread."""
        if self._pages < self._copied:
            self._copied = 0
        if self._pages - self._copied >= self._due and not self._under_way:
            self._under_way, self._copied = True, self._pages
            self._beside.submit(self._run_beside)

    def close(self) -> None:
        """After the last commit, and before the writing connection is closed: that one empties the log."""
        self._beside.shutdown(wait=True)
        self._writing.set_wal_hook(None)
        self._own.close()

    def _run_beside(self) -> None:
        try:
            self._run(self._own)
        finally:
            self._under_way = False

    def _run(self, connection: apsw.Connection) -> None:
        """A failure is logged once and loses nothing: the log stays, and is copied when it has grown as much again."""
        try:
            connection.execute(_CHECKPOINT).fetchall()
        except apsw.Error as error:
            if not self._failing:
                log.warning("the log cannot be copied to the database file", reason=str(error))
            self._failing = True
        else:
            self._failing = False

    def _committed(self, _connection: apsw.Connection, _database: str, pages: int) -> int:
        self._pages = pages
        return apsw.SQLITE_OK


def prepare_log(path: Path) -> None:
    """Write a missing or empty log full of zeros, which is an empty one: no commit has to enlarge the file.

    Only under the lock of the data directory and before the first connection. Where the disk has no room for it, the
    log is left empty: commits will enlarge it. Raises OSError where it cannot even be made.
    """
    if path.exists() and path.stat().st_size:
        return
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        for offset in range(0, PREPARED_BYTES, len(_CHUNK)):
            os.pwrite(handle, _CHUNK, offset)
        os.fsync(handle)
    except OSError as error:
        os.ftruncate(handle, 0)
        log.warning("the log could not be written beforehand", reason=str(error))
    finally:
        os.close(handle)
