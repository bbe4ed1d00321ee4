"""The SQLite files in a data directory: names, creation, and repair after a crash."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw

from keyturn.store import data_directory
from keyturn.store.port import StoreRefused

FILE_NAME = "keyturn.db"
RESTORE_MARKER = f"{FILE_NAME}.restoring"
"""Marker file that exists while a backup replaces the database."""
_CHUNK = 1_048_576
"""Bytes read and written at once."""


@contextmanager
def translate_errors(path: Path) -> Iterator[None]:
    """Translate an OSError or apsw.Error about `path` into StoreRefused."""
    try:
        with data_directory.translate_errors(path):
            yield
    except apsw.Error as error:
        raise StoreRefused(f"{path} cannot be opened: {error}.") from error


def make_file(path: Path) -> None:
    """Create the file with mode 0600, if it is missing. Raises OSError if it cannot be written."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))


def rewrite(path: Path) -> None:
    """Rewrite a file with its own content and sync it, if it exists. Raises OSError.

    After a crash, reads may return data that the disk does not have: it was never synced, or a failed sync made the
    kernel drop it, which later syncs do not report.
    """
    if not path.exists():
        return
    handle = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        offset = 0
        while chunk := os.pread(handle, _CHUNK, offset):
            offset += os.pwrite(handle, chunk, offset)
        os.fsync(handle)
    finally:
        os.close(handle)
