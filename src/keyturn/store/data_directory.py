"""Creates and locks the data directory: only its owner can access it, and one process uses it at a time."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from keyturn.private_files import sync_directory
from keyturn.store.port import StoreRefused


@contextmanager
def translate_errors(path: Path) -> Iterator[None]:
    """Translate an OSError about `path` into StoreRefused."""
    try:
        yield
    except OSError as error:
        raise StoreRefused(f"{error.filename or path} cannot be used: {error.strerror}.") from error


def make_directory(directory: Path) -> None:
    """Create the directory durably with mode 0700, if it is missing. Raises OSError."""
    if directory.is_dir():
        return
    make_directory(directory.parent)
    directory.mkdir(mode=0o700, exist_ok=True)
    sync_directory(directory.parent)


class DataDirectoryLock:
    """Locks ``<directory>/lock`` until `release`, or until the process ends."""

    def __init__(self, directory: Path) -> None:
        """Lock. Raises StoreRefused if another process has the lock."""
        path = directory / "lock"
        with translate_errors(directory):
            make_directory(directory)
            self._handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                holder = os.read(self._handle, 20).decode(errors="replace").strip() or "unknown"
                os.close(self._handle)
                raise StoreRefused(f"{directory} is in use by another Keyturn (pid {holder}).") from None
            os.ftruncate(self._handle, 0)
            os.pwrite(self._handle, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Unlock the directory."""
        os.close(self._handle)
