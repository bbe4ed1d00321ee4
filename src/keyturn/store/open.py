"""The choice of the store's adapter: the one place above the adapters that names one."""

from pathlib import Path

from keyturn.clock import Clock
from keyturn.config.settings import Settings
from keyturn.store.port import Announce, Database, OnBatch, Store
from keyturn.store.sqlite.store import SqliteDatabase


def database_of(settings: Settings) -> Database:
    """Where the data of this installation is: a data directory holds it in SQLite."""
    return SqliteDatabase(Path(settings.server.data))


def open_store(
    settings: Settings, clock: Clock, announce: Announce, *, on_batch: OnBatch = lambda _units, _seconds: None
) -> Store:
    """Open this installation's store as `Database.open` does. Raises `StoreRefused`."""
    return database_of(settings).open(clock, announce, on_batch=on_batch)
