"""The stores that must pass the contract: how each one is opened, and opened again on what it kept."""

from collections.abc import Callable
from pathlib import Path

from keyturn.clock import Clock
from keyturn.store.port import Store
from keyturn.store.sqlite.store import open_sqlite
from keyturn.store.sqlite.writer import Announce

Open = Callable[[Path, Clock, Announce], Store]

ADAPTERS: dict[str, Open] = {"sqlite": open_sqlite}
