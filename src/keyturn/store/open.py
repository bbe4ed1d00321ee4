"""Opens the configured store; the only module above the adapters that names one."""

from pathlib import Path

from keyturn.clock import Clock
from keyturn.config.settings import Settings
from keyturn.store.port import Announce, Database, OnBatch, Store
from keyturn.store.sqlite.store import SqliteDatabase


def database_of(settings: Settings) -> Database:
    """The database of this installation: SQLite in the data directory."""
    return SqliteDatabase(Path(settings.server.data))


def open_store(
    settings: Settings,
    clock: Clock,
    announce: Announce,
    *,
    on_batch: OnBatch = lambda _units, _seconds: None,
    serving: bool = False,
) -> Store:
    """Open this installation's store; see `Database.open`. Raises `StoreRefused`."""
    return database_of(settings).open(clock, announce, on_batch=on_batch, serving=serving)
