"""The data directory and the files in it."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from keyturn.private_files import sync_directory
from keyturn.store.port import StoreRefused

_PIECE = 1_048_576
"""Bytes read and written at once."""


@contextmanager
def refused(path: Path) -> Iterator[None]:
    """Turn what the system or SQLite says about `path` into one sentence: StoreRefused."""
    try:
        yield
    except OSError as error:
        raise StoreRefused(f"{error.filename or path} cannot be used: {error.strerror}.") from error
    except sqlite3.Error as error:
        raise StoreRefused(f"{path} cannot be opened: {error}.") from error


def make_directory(directory: Path) -> None:
    """Make the directory, durably and for its owner alone, if it is missing. Raises OSError."""
    if directory.is_dir():
        return
    make_directory(directory.parent)
    directory.mkdir(mode=0o700, exist_ok=True)
    sync_directory(directory.parent)


def make_file(path: Path) -> None:
    """Make the file, for its owner alone, if it is missing. Raises OSError where it cannot be written."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))


def write_again(path: Path) -> None:
    """Make what can be read of a file durable, if there is one. Raises OSError.

    After a crash that may be more than the disk has: what was never synced, or what the kernel gave up writing when a
    sync failed, of which later syncs say nothing.
    """
    if not path.exists():
        return
    handle = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        at = 0
        while piece := os.pread(handle, _PIECE, at):
            at += os.pwrite(handle, piece, at)
        os.fsync(handle)
    finally:
        os.close(handle)
