"""One Keyturn to a data directory."""

import fcntl
import os
from pathlib import Path

from keyturn.store.port import StoreRefused
from keyturn.store.sqlite.directory import make_directory, refused


class DataDirectoryLock:
    """Holds ``<directory>/lock`` until `release`, or until the process ends in whatever way."""

    def __init__(self, directory: Path) -> None:
        """Take the lock. Raises StoreRefused when another process has it."""
        path = directory / "lock"
        with refused(directory):
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
        """Let another process have the directory."""
        os.close(self._handle)
