"""The composition root: builds a running node from settings. `Node.start` reads in the order of starting."""

import asyncio
import os
import ssl
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any

from keyturn.admin import operators
from keyturn.admin.operation import Answer
from keyturn.administration import Administration, installation_of
from keyturn.alerts.building import build_channels
from keyturn.alerts.message import Channel
from keyturn.alerts.service import Alerts
from keyturn.api.admin_socket import SOCKET_NAME, build_admin_app
from keyturn.api.routes import build_app, build_metrics_app
from keyturn.api.server.connection_limits import available_connections
from keyturn.api.server.listeners import tls_context
from keyturn.api.server.server import Server
from keyturn.audit.runtime import AuditService
from keyturn.auth.keyring import Keyring, open_keyring
from keyturn.auth.principal import Credentials
from keyturn.auth.tokens import Authenticator
from keyturn.bus.memory import MemoryBus
from keyturn.bus.topics import COMMAND_FINAL
from keyturn.clock import Clock, SystemClock
from keyturn.commands.model.catalogue import COMMANDS
from keyturn.config.loading import refuse_unknown_commands
from keyturn.config.settings import Settings
from keyturn.connectors.port import Connector
from keyturn.connectors.registry import build_connectors
from keyturn.engine.assembly import Dependencies, assemble
from keyturn.engine.command_metrics import count_final, count_open
from keyturn.store.background import PeriodicTask, run_periodically
from keyturn.store.data_directory import DataDirectoryLock
from keyturn.store.open import open_store
from keyturn.store.port import Store
from keyturn.telemetry.metrics import Metrics, measure_loop_lag
from keyturn.tenants.accounts import AccountCredentialKeeper
from keyturn.tenants.name_spaces import assign_all
from keyturn.timekeeping import Timekeeper, machine_boot

_CHANGES_EVERY = 1.0
"""Seconds between two rounds over the pending changes that are due."""
_COUNT_EVERY = 5.0
"""Seconds between two counts of open commands."""


class Node:
    """One Keyturn node: store, audit, alerts, engine, HTTP. `bench` adds the no-op route that benchmarks compare with.

    Whatever is started is registered with `_resources` at once, and stopped in the reverse order.
    """

    def __init__(self, settings: Settings, *, clock: Clock | None = None, bench: bool = False) -> None:
        refuse_unknown_commands(settings, frozenset(COMMANDS))
        self._settings = settings
        self._time = Timekeeper(clock or SystemClock(), settings.engine.clock_step, machine_boot())
        self._bench = bench
        self._resources = AsyncExitStack()
        self._audit: AuditService | None = None
        self.metrics = Metrics()

    async def start(self) -> str:
        """The base URL, once commands can be taken. Raises `StoreRefused`, `ListenRefused` or a definition's error."""
        try:
            return await self._start()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Drain, and stop everything in the reverse order of starting."""
        await self._resources.aclose()

    async def administer(self, name: str, arguments: dict[str, Any], credentials: Credentials | None = None) -> Answer:
        """Do one administration operation. Raises `OperationError`."""
        return await self.administration.administer(name, arguments, credentials)

    def ready(self) -> dict[str, str]:
        """What keeps this node from its work: a text by the name of each problem."""
        behind = self._audit.delayed_sinks if self._audit is not None else ()
        problems = {
            "store": ("The store cannot acknowledge.", not self.store.available),
            "audit": ("The audit chain is broken.", self._audit is not None and self._audit.broken),
            "checkpoints": (f"Checkpoints do not leave by {', '.join(behind)}.", bool(behind)),
            "clock": (
                "The wall clock was set and is not believed; actuating commands wait.",
                self.runtime.engine.clock_fault,
            ),
        }
        return {name: text for name, (text, present) in problems.items() if present}

    async def _start(self) -> str:
        settings, bus = self._settings, MemoryBus()
        tls = _tls(settings)
        self._resources.callback(DataDirectoryLock(Path(settings.server.data)).release)
        opened: asyncio.Future[tuple[Store, Keyring]] = asyncio.get_running_loop().create_future()
        connectors = build_connectors(settings.connectors, self._time, AccountCredentialKeeper(opened))
        self._open_store(bus)
        keyring = await open_keyring(self.store, settings.key_file)
        opened.set_result((self.store, keyring))
        for connector in connectors.values():  # closed before the store, which keeps what their OEMs replaced
            self._resources.push_async_callback(connector.close)
        self._start_audit(bus, keyring)
        channels = await self._start_alerts()
        await self._start_engine(bus, keyring, connectors, channels)
        return await self._serve(keyring, tls)

    def _open_store(self, bus: MemoryBus) -> None:
        self.store = open_store(self._settings, self._time, bus.publish, on_batch=self._observe_batch, serving=True)
        self._resources.push_async_callback(self.store.close)
        self._resources.callback(bus.listen_for_rows(COMMAND_FINAL, count_final(self.metrics)))

    def _start_audit(self, bus: MemoryBus, keyring: Keyring) -> None:
        self._audit = AuditService(self.store, bus, keyring, self._settings.audit)
        self._audit.start()
        self._resources.push_async_callback(self._audit.stop)

    async def _start_alerts(self) -> Sequence[Channel]:
        settings = self._settings.alerts
        channels = build_channels(settings, os.environ, self._time, self.store, operators.admin_emails)
        alerts = Alerts(self.store, self._time, channels, self.metrics, backup_max_age=settings.backup_max_age)
        await alerts.start()
        self._resources.push_async_callback(alerts.stop)
        return channels

    async def _start_engine(
        self, bus: MemoryBus, keyring: Keyring, connectors: Mapping[str, Connector], channels: Sequence[Channel]
    ) -> None:
        """The engine, and the administration, which has operations of the engine's."""
        settings, known = self._settings, installation_of(self._settings)
        dependencies = Dependencies(
            self.store,
            bus,
            self._time,
            keyring,
            connectors,
            self.store.epoch,
            count_unanswered=self.metrics.count_unanswered,
        )
        self.runtime = assemble(dependencies, settings)
        await self.store.write(partial(assign_all, spaces=known.name_spaces))
        self.administration = Administration(self.store, keyring, known, lambda: channels, self.runtime.implementations)
        await self.runtime.start()
        self._resources.push_async_callback(partial(self.runtime.stop, settings.server.drain_timeout))
        for name, connector in connectors.items():
            await connector.start(self.runtime.inbox(name))

    async def _serve(self, keyring: Keyring, tls: ssl.SSLContext | None) -> str:
        """HTTP for applications, metrics and local administration, and the periodic tasks of a serving node."""
        settings, clock, metrics, service = self._settings.server, self._time, self.metrics, self.runtime.service
        app = build_app(
            directory=Authenticator(self.store, keyring, clock, self._settings.tokens.lifetime),
            desk=service,
            readiness=self,
            metrics=metrics,
            clock=clock,
            server=settings,
            limits=self._settings.limits,
            token_life=self._settings.tokens.lifetime,
            bench=self._bench,
        )
        server = Server(settings, metrics, clock, available_connections(settings))
        self._resources.push_async_callback(partial(server.drain, settings.drain_timeout))
        self._resources.callback(service.drain)
        port = await server.start(app, settings.host, settings.port, tls)
        if settings.metrics_host:
            await server.start(build_metrics_app(metrics, clock), settings.metrics_host, settings.metrics_port)
        await server.start_unix(build_admin_app(self.administer), Path(settings.data) / SOCKET_NAME)
        self._run(measure_loop_lag(metrics.observe_lag), "loop lag")
        self._repeat(partial(count_open, self.store, metrics), _COUNT_EVERY, "open commands")
        self._repeat(self.administration.apply_due_changes, _CHANGES_EVERY, "changes")
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        return f"{'https' if tls else 'http'}://{host}:{port}"

    def _run(self, work: Coroutine[Any, Any, None], name: str) -> None:
        self._resources.callback(asyncio.create_task(work, name=name).cancel)

    def _repeat(self, work: PeriodicTask, every: float, name: str) -> None:
        self._run(run_periodically(work, every, name), name)

    def _observe_batch(self, units: int, _seconds: float) -> None:
        self.metrics.observe_batch(units)


def _tls(settings: Settings) -> ssl.SSLContext | None:
    """Raises `ListenRefused` for a certificate that cannot be used."""
    server = settings.server
    return tls_context(server.tls_certificate, server.tls_key) if server.tls_certificate else None
