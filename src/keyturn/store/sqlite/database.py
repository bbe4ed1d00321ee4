"""The port's `Database`: the SQLite file of a data directory."""

from contextlib import AbstractContextManager
from pathlib import Path

from keyturn.clock import Clock
from keyturn.store.port import Announce, OnBatch, ReadTx
from keyturn.store.sqlite.offline import read_offline
from keyturn.store.sqlite.replacing import IncomingFile, earlier_epochs, take_in
from keyturn.store.sqlite.store import SqliteStore, open_sqlite


class SqliteDatabase:
    """Where the data directory is, and nothing else: no file is open between two calls."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def open(
        self, clock: Clock, announce: Announce, *, on_batch: OnBatch = lambda _units, _seconds: None
    ) -> SqliteStore:
        return open_sqlite(self._directory, clock, announce, on_batch=on_batch)

    def read_offline(self) -> AbstractContextManager[ReadTx]:
        return read_offline(self._directory)

    def take_in(self, backup: Path) -> AbstractContextManager[IncomingFile]:
        return take_in(self._directory, backup)

    def earlier_epochs(self) -> list[int]:
        return earlier_epochs(self._directory)
