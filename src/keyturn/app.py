"""The composition root: settings in, a running node out. Nothing else wires anything."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from keyturn.api.edge import Server
from keyturn.api.listening import tls_context
from keyturn.api.local import SOCKET_NAME, build_local_app
from keyturn.api.routes import build_app, build_metrics_app
from keyturn.bus.memory import MemoryBus
from keyturn.clock import Clock, SystemClock
from keyturn.commands import inspection, record
from keyturn.commands.catalogue import COMMANDS, IGNITION_PAIR
from keyturn.commands.desk import Desk
from keyturn.commands.lifecycle import FINAL_TOPIC
from keyturn.commands.states import State
from keyturn.config.loading import refuse_unknown_commands
from keyturn.config.settings import Settings
from keyturn.connectors.registry import build_connectors
from keyturn.engine.works import Parts, assemble
from keyturn.store.port import StoreRefused
from keyturn.store.sqlite import backup as backups
from keyturn.store.sqlite.lock import DataDirectoryLock
from keyturn.store.sqlite.store import SqliteStore, open_sqlite
from keyturn.telemetry.loop_lag import watch_loop_lag
from keyturn.telemetry.metrics import Metrics
from keyturn.tenants.administration import Answer, Installation, OperationError
from keyturn.tenants.directory import Directory
from keyturn.tenants.keyring import Keyring, unlock
from keyturn.tenants.operations import OPERATIONS, perform

_LOCAL_OPERATOR = "operator:local"
_BACKUP = "backup"
_COUNT_EVERY = 5.0
"""Seconds between two counts of open commands."""
_OPERATIONS = (*OPERATIONS, *inspection.OPERATIONS)


class Administration:
    """Performs administration operations on an open store."""

    def __init__(self, directory: Path, store: SqliteStore, keyring: Keyring, installation: Installation) -> None:
        self._directory = directory
        self._store = store
        self._keyring = keyring
        self._installation = installation

    async def administer(self, name: str, arguments: dict[str, Any]) -> Answer:
        """Do one operation. Raises `OperationError`."""
        if name == _BACKUP:
            return await self._back_up(**arguments)
        return (await self.administer_all([(name, arguments)]))[0]

    async def _back_up(self, file: str) -> Answer:
        """Copy the database to a new file, in a thread, while everything else goes on."""
        try:
            size = await asyncio.to_thread(backups.back_up, self._directory, Path(file))
        except StoreRefused as error:
            raise OperationError("backup_refused", str(error)) from None
        return {"file": file, "bytes": size}

    async def administer_all(self, operations: list[tuple[str, dict[str, Any]]]) -> list[Answer]:
        """Do several in one transaction: all of them or none."""
        return await self._store.write(
            lambda tx: [
                perform(tx, self._keyring, self._installation, name, arguments, _LOCAL_OPERATOR, _OPERATIONS)
                for name, arguments in operations
            ]
        )


def restore(settings: Settings, backup: Path) -> int:
    """Put a backup in the place of this installation's database; the new epoch. Raises `StoreRefused`."""
    directory = Path(settings.server.data)
    lock = DataDirectoryLock(directory)
    try:
        return backups.restore(backup, directory)
    finally:
        lock.release()


@asynccontextmanager
async def workbench(settings: Settings) -> AsyncIterator[Administration]:
    """Administration of a store that no server has open. Raises `StoreRefused`."""
    directory = Path(settings.server.data)
    async with AsyncExitStack() as resources:
        resources.callback(DataDirectoryLock(directory).release)
        store = open_sqlite(directory, SystemClock(), lambda _topic, _key: None)
        resources.push_async_callback(store.close)
        keyring = await unlock(store, settings.key_file)
        yield Administration(directory, store, keyring, installation(settings))


class Node:
    """One Keyturn node: store, engine and HTTP. `bench` adds the no-op route that a benchmark compares with."""

    def __init__(self, settings: Settings, *, clock: Clock | None = None, bench: bool = False) -> None:
        refuse_unknown_commands(settings, frozenset(COMMANDS))
        self._settings = settings
        self._clock = clock or SystemClock()
        self._bench = bench
        self._resources = AsyncExitStack()
        self.metrics = Metrics()

    async def start(self) -> str:
        """The base URL, once commands can be taken. Raises `StoreRefused`, `ListenRefused` or a definition's error."""
        try:
            return await self._start()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Drain and let go of everything, in the reverse order of starting."""
        await self._resources.aclose()

    async def administer(self, name: str, arguments: dict[str, Any]) -> Answer:
        """Do one administration operation. Raises `OperationError`."""
        return await self.administration.administer(name, arguments)

    def ready(self) -> dict[str, str]:
        """What keeps this node from doing its work."""
        problems = {
            "store": ("The store cannot acknowledge.", not self.store.available),
            "clock": ("The wall clock was set back; actuating commands wait.", self.works.engine.clock_fault),
        }
        return {name: text for name, (text, there) in problems.items() if there}

    async def _start(self) -> str:
        settings, directory = self._settings, Path(self._settings.server.data)
        tls = _tls(settings)
        self._resources.callback(DataDirectoryLock(directory).release)
        bus = MemoryBus()
        bus.listen(FINAL_TOPIC, self._count_final)
        connectors = build_connectors(settings.connectors, self._clock)
        for connector in connectors.values():
            self._resources.push_async_callback(connector.close)
        self.store = open_sqlite(directory, self._clock, bus.publish, on_batch=self._observe_batch)
        self._resources.push_async_callback(self.store.close)
        keyring = await unlock(self.store, settings.key_file)
        self.administration = Administration(directory, self.store, keyring, installation(settings))
        self.works = assemble(Parts(self.store, bus, self._clock, keyring, connectors, self.store.epoch), settings)
        await self.works.start()
        self._resources.push_async_callback(partial(self.works.stop, settings.server.drain_timeout))
        directory_of_tenants = Directory(self.store, keyring, self._clock, settings.tokens.life)
        return await self._serve(self.works.desk, directory_of_tenants, tls)

    async def _serve(self, desk: Desk, directory: Directory, tls: ssl.SSLContext | None) -> str:
        settings, clock, metrics = self._settings.server, self._clock, self.metrics
        app = build_app(
            directory=directory,
            desk=desk,
            readiness=self,
            metrics=metrics,
            clock=clock,
            server=settings,
            limits=self._settings.limits,
            token_life=self._settings.tokens.life,
            bench=self._bench,
        )
        server = Server(settings, metrics, clock)
        self._resources.push_async_callback(partial(server.drain, settings.drain_timeout))
        self._resources.callback(desk.drain)
        port = await server.start(app, settings.host, settings.port, tls)
        if settings.metrics_host:
            await server.start(build_metrics_app(metrics, clock), settings.metrics_host, settings.metrics_port)
        await server.start_unix(build_local_app(self.administer), Path(settings.data) / SOCKET_NAME)
        self._watch(watch_loop_lag(metrics.observe_lag), "loop lag")
        self._watch(count_open(self.store, metrics), "open commands")
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        return f"{'https' if tls else 'http'}://{host}:{port}"

    def _watch(self, work: Coroutine[Any, Any, None], name: str) -> None:
        self._resources.callback(asyncio.create_task(work, name=name).cancel)

    def _count_final(self, key: str) -> None:
        name, state, _id = key.split(" ")
        self.metrics.count_final(name, state)

    def _observe_batch(self, units: int, _seconds: float) -> None:
        self.metrics.observe_batch(units)


async def count_open(store: SqliteStore, metrics: Metrics) -> None:
    """Keep the gauge of open commands current, for ever."""
    while True:
        counts: dict[str, int] = dict(await store.read(record.count_open))
        for state in State:
            metrics.set_open(state, counts.get(state, 0))
        await asyncio.sleep(_COUNT_EVERY)


def installation(settings: Settings) -> Installation:
    """What administration may name: connectors of the configuration, commands of the catalogue."""
    return Installation(frozenset(settings.connectors), frozenset(COMMANDS), IGNITION_PAIR)


def _tls(settings: Settings) -> ssl.SSLContext | None:
    """Raises `ListenRefused` for a certificate that cannot be used."""
    server = settings.server
    return tls_context(server.tls_certificate, server.tls_key) if server.tls_certificate else None
