"""The composition root: settings in, a running node out. Nothing else wires anything."""

import asyncio
import os
import ssl
from collections.abc import Coroutine, Sequence
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
from keyturn.commands.admission.service import CommandService
from keyturn.commands.model.catalogue import COMMANDS
from keyturn.config.loading import refuse_unknown_commands
from keyturn.config.settings import Settings
from keyturn.connectors.registry import build_connectors
from keyturn.engine.assembly import Dependencies, assemble
from keyturn.engine.command_metrics import FinalCounter, count_open
from keyturn.store.background import PeriodicTask, run_periodically
from keyturn.store.data_directory import DataDirectoryLock
from keyturn.store.open import open_store
from keyturn.store.port import Store
from keyturn.telemetry.metrics import Metrics, watch_loop_lag
from keyturn.tenants.accounts import AccountCredentialKeeper
from keyturn.tenants.name_spaces import assign_all
from keyturn.timekeeping import Timekeeper, machine_boot

_LOOK_EVERY = 1.0
"""Seconds between two looks at the changes that wait."""
_COUNT_EVERY = 5.0
"""Seconds between two counts of open commands."""


class Node:
    """One Keyturn node: store, engine and HTTP. `bench` adds the no-op route that a benchmark compares with."""

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
        """Drain and let go of everything, in the reverse order of starting."""
        await self._resources.aclose()

    async def administer(self, name: str, arguments: dict[str, Any], credentials: Credentials | None = None) -> Answer:
        """Do one administration operation. Raises `OperationError`."""
        return await self.administration.administer(name, arguments, credentials)

    def ready(self) -> dict[str, str]:
        """What keeps this node from doing its work."""
        behind = self._audit.behind if self._audit is not None else ()
        problems = {
            "store": ("The store cannot acknowledge.", not self.store.available),
            "audit": ("The audit chain is broken.", self._audit is not None and self._audit.broken),
            "checkpoints": (f"Checkpoints do not leave by {', '.join(behind)}.", bool(behind)),
            "clock": (
                "The wall clock was set and is not believed; actuating commands wait.",
                self.runtime.engine.clock_fault,
            ),
        }
        return {name: text for name, (text, there) in problems.items() if there}

    async def _start(self) -> str:
        settings = self._settings
        tls = _tls(settings)
        self._resources.callback(DataDirectoryLock(Path(settings.server.data)).release)
        bus = MemoryBus()
        opened: asyncio.Future[tuple[Store, Keyring]] = asyncio.get_running_loop().create_future()
        connectors = build_connectors(settings.connectors, self._time, AccountCredentialKeeper(opened))
        self.store = open_store(settings, self._time, bus.publish, on_batch=self._observe_batch)
        self._resources.push_async_callback(self.store.close)
        finals = FinalCounter(self.store, self.metrics)
        self._resources.callback(bus.listen(COMMAND_FINAL, finals.note))
        self._watch(finals.run(), "final commands")
        keyring = await open_keyring(self.store, settings.key_file)
        opened.set_result((self.store, keyring))
        for connector in connectors.values():  # closed before the store, which keeps what their OEMs replaced
            self._resources.push_async_callback(connector.close)
        self._audit = AuditService(self.store, bus, keyring, settings.audit)
        self._audit.start()
        self._resources.push_async_callback(self._audit.stop)
        channels = build_channels(settings.alerts, os.environ, self._time, self.store, operators.emails)
        await self._start_alerts(channels)
        known = installation_of(settings)
        parts = Dependencies(
            self.store,
            bus,
            self._time,
            keyring,
            connectors,
            self.store.epoch,
            count_unanswered=self.metrics.count_unanswered,
        )
        self.runtime = assemble(parts, settings)
        await self.store.write(partial(assign_all, spaces=known.name_spaces))
        self.administration = Administration(self.store, keyring, known, lambda: channels, self.runtime.implementations)
        await self.runtime.start()
        self._resources.push_async_callback(partial(self.runtime.stop, settings.server.drain_timeout))
        for name, connector in connectors.items():
            await connector.start(self.runtime.inbox(name))
        directory_of_tenants = Authenticator(self.store, keyring, self._time, settings.tokens.lifetime)
        return await self._serve(self.runtime.desk, directory_of_tenants, tls)

    async def _serve(self, desk: CommandService, directory: Authenticator, tls: ssl.SSLContext | None) -> str:
        settings, clock, metrics = self._settings.server, self._time, self.metrics
        app = build_app(
            directory=directory,
            desk=desk,
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
        self._resources.callback(desk.drain)
        port = await server.start(app, settings.host, settings.port, tls)
        if settings.metrics_host:
            await server.start(build_metrics_app(metrics, clock), settings.metrics_host, settings.metrics_port)
        await server.start_unix(build_admin_app(self.administer), Path(settings.data) / SOCKET_NAME)
        self._watch(watch_loop_lag(metrics.observe_lag), "loop lag")
        self._repeat(partial(count_open, self.store, metrics), _COUNT_EVERY, "open commands")
        self._repeat(self.administration.apply_due_changes, _LOOK_EVERY, "changes")
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        return f"{'https' if tls else 'http'}://{host}:{port}"

    async def _start_alerts(self, channels: Sequence[Channel]) -> None:
        max_age = self._settings.alerts.backup_max_age
        alerts = Alerts(self.store, self._time, channels, self.metrics, backup_max_age=max_age)
        await alerts.start()
        self._resources.push_async_callback(alerts.stop)

    def _watch(self, work: Coroutine[Any, Any, None], name: str) -> None:
        self._resources.callback(asyncio.create_task(work, name=name).cancel)

    def _repeat(self, work: PeriodicTask, every: float, name: str) -> None:
        self._watch(run_periodically(work, every, name), name)

    def _observe_batch(self, units: int, _seconds: float) -> None:
        self.metrics.observe_batch(units)
        if self._audit is not None:
            self._audit.wake()


def _tls(settings: Settings) -> ssl.SSLContext | None:
    """Raises `ListenRefused` for a certificate that cannot be used."""
    server = settings.server
    return tls_context(server.tls_certificate, server.tls_key) if server.tls_certificate else None
