"""The files of SQLite in a data directory."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from keyturn.store import data_directory
from keyturn.store.port import StoreRefused

FILE_NAME = "keyturn.db"
RESTORE_MARKER = f"{FILE_NAME}.restoring"
"""There while a backup is put in the database's place."""
_CHUNK = 1_048_576
"""Bytes read and written at once."""


@contextmanager
def translate_errors(path: Path) -> Iterator[None]:
    """Turn what the system or SQLite says about `path` into one sentence: StoreRefused."""
    try:
        with data_directory.translate_errors(path):
            yield
    except sqlite3.Error as error:
        raise StoreRefused(f"{path} cannot be opened: {error}.") from error


def make_file(path: Path) -> None:
    """Make the file, for its owner alone, if it is missing. Raises OSError where it cannot be written."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))


def rewrite(path: Path) -> None:
    """Make what can be read of a file durable, if there is one. Raises OSError.

    After a crash that may be more than the disk has: what was never synced, or what the kernel gave up writing when a
    sync failed, of which later syncs say nothing.
    """
    if not path.exists():
        return
    handle = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        at = 0
        while piece := os.pread(handle, _CHUNK, at):
            at += os.pwrite(handle, piece, at)
        os.fsync(handle)
    finally:
        os.close(handle)
