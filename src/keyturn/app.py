"""The composition root: settings in, a running node out. Nothing else wires anything."""

import asyncio
import os
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, cast

from keyturn.alerts import entries
from keyturn.alerts import operations as alert_operations
from keyturn.alerts.alerts import Alerts
from keyturn.alerts.backups import record_made
from keyturn.alerts.building import build_channels
from keyturn.alerts.channel import Channel
from keyturn.alerts.trial import try_channels
from keyturn.api.admission import room
from keyturn.api.edge import Server
from keyturn.api.listening import tls_context
from keyturn.api.local import SOCKET_NAME, build_local_app
from keyturn.api.routes import build_app, build_metrics_app
from keyturn.audit.custody import Custody
from keyturn.audit.sealing import AT_ONCE, ChainForked, seal
from keyturn.bus.memory import MemoryBus
from keyturn.clock import SECOND, Clock, SystemClock
from keyturn.commands import approvals, immobilisations, inspection, readiness, record
from keyturn.commands.catalogue import COMMANDS, IGNITION_PAIR, READS
from keyturn.commands.desk import Desk
from keyturn.commands.lifecycle import FINAL_TOPIC
from keyturn.commands.states import State
from keyturn.config.loading import refuse_unknown_commands
from keyturn.config.settings import Settings
from keyturn.connectors.registry import build_connectors, far_sides
from keyturn.connectors.using import credential_uses
from keyturn.dossier import story
from keyturn.engine import silences
from keyturn.engine.works import Parts, assemble
from keyturn.store.port import Store, StoreRefused, StoreUnavailable, Tx
from keyturn.store.rounds import Round, make_rounds
from keyturn.store.sqlite.backup import back_up
from keyturn.store.sqlite.backup_signature import signature_of
from keyturn.store.sqlite.lock import DataDirectoryLock
from keyturn.store.sqlite.store import SqliteStore, open_sqlite
from keyturn.telemetry.loop_lag import watch_loop_lag
from keyturn.telemetry.metrics import Metrics
from keyturn.tenants import changes, clock, errands, operators, restoring
from keyturn.tenants.accounts import KeptCredentials
from keyturn.tenants.administration import Answer, Installation, Operation, OperationError, find
from keyturn.tenants.directory import Directory
from keyturn.tenants.keyring import Keyring, keyring_of, unlock
from keyturn.tenants.name_spaces import NameSpaces, settle_all
from keyturn.tenants.operations import OPERATIONS, perform, prepared
from keyturn.tenants.principal import Credentials, Operator
from keyturn.tenants.signing_in import sign_in
from keyturn.timekeeping import Timekeeper, machine_boot

_LOCAL_OPERATOR = "operator:local"
_LOOK_EVERY = 1.0
"""Seconds between two looks at the changes that wait."""
_COUNT_EVERY = 5.0
"""Seconds between two counts of open commands."""
_OPERATIONS = (
    *OPERATIONS,
    *inspection.OPERATIONS,
    *immobilisations.OPERATIONS,
    *approvals.operations(),
    *readiness.operations(),
    *alert_operations.OPERATIONS,
    *story.OPERATIONS,
    *errands.OPERATIONS,
)


class Administration:
    """Performs administration operations on an open store; `served` are those that only a running server can do."""

    def __init__(
        self,
        directory: Path,
        store: SqliteStore,
        keyring: Keyring,
        installation: Installation,
        channels: Callable[[], Sequence[Channel]],
        served: Iterable[Operation] = (),
    ) -> None:
        self._directory = directory
        self._store = store
        self._keyring = keyring
        self._installation = installation
        self._channels = channels
        own = clock.operations(store.time)
        by_name = {operation.name: operation for operation in (*_OPERATIONS, *own, *served)}
        self._operations = tuple(by_name.values())
        self._errands = {errands.BACKUP: self._back_up, errands.TRY_ALERTS: self._try_alerts}

    async def administer(self, name: str, arguments: dict[str, Any], credentials: Credentials | None = None) -> Answer:
        """Do one operation, as the operator whose credentials they are. Raises `OperationError`."""
        operator = None
        if credentials is not None:
            despite_lock = find(self._operations, name).despite_lock
            operator = await sign_in(self._store, self._keyring, credentials, despite_lock=despite_lock)
        errand = self._errands.get(name)
        if errand is not None:
            return await errand(await self._order(name, arguments, operator))
        return (await self._perform([(name, arguments)], operator))[0]

    async def administer_all(self, operations: list[tuple[str, dict[str, Any]]]) -> list[Answer]:
        """Do several in one transaction: all of them or none."""
        return await self._perform(operations, None)

    async def make_due_changes(self) -> None:
        """Make the changes that waited and whose time has come."""
        await changes.apply_due(self._store, self._keyring, self._installation, self._operations)

    async def _order(self, name: str, arguments: dict[str, Any], operator: Operator | None) -> Answer:
        """What an errand is to do. It reads alone: a backup must be possible where nothing can be written."""
        context = self._keyring, self._installation, name, arguments, _LOCAL_OPERATOR, self._operations, operator
        return await self._store.read(lambda tx: perform(cast("Tx", tx), *context))

    async def _try_alerts(self, order: Answer) -> Answer:
        return {"channels": await try_channels(self._channels(), order["now"])}

    async def _back_up(self, order: Answer) -> Answer:
        """Copy the database to a new file, in a thread, while everything else goes on."""
        file, actor = order["file"], order["actor"]
        with suppress(StoreUnavailable, ChainForked):  # a restore goes on from what is sealed in the backup
            while await self._store.write(seal) == AT_ONCE:
                pass
        now = await self._store.read(lambda tx: tx.now)
        try:
            made = await asyncio.to_thread(back_up, self._directory, Path(file), self._keyring, now)
        except StoreRefused as error:
            raise OperationError("backup_refused", str(error)) from None
        with suppress(StoreUnavailable):  # the backup is there, whether it can be written down or not
            await self._store.write(
                partial(record_made, actor=actor, file=Path(file), size=made.size, digest=made.digest)
            )
        return {"file": file, "bytes": made.size, "signature": str(signature_of(Path(file)))}

    async def _perform(self, operations: list[tuple[str, dict[str, Any]]], operator: Operator | None) -> list[Answer]:
        orders = await asyncio.to_thread(lambda: [prepared(*order, self._operations) for order in operations])
        return await self._store.write(
            lambda tx: [
                perform(tx, self._keyring, self._installation, *order, _LOCAL_OPERATOR, self._operations, operator)
                for order in orders
            ]
        )


def restore(settings: Settings, backup: Path, *, unsigned: bool = False) -> restoring.Restored:
    """Put a backup in the place of this installation's database. Raises `StoreRefused`.

    `unsigned`: also one that has no good signature.
    """
    directory = Path(settings.server.data)
    lock = DataDirectoryLock(directory)
    try:
        keyring = keyring_of(settings.key_file)
        kept = Path(settings.audit.checkpoint_file) if settings.audit.checkpoint_file else None
        return restoring.restore(
            backup, directory, keyring, SystemClock(), unsigned=unsigned, kept=kept, first=entries.begin_here
        )
    finally:
        lock.release()


@asynccontextmanager
async def workbench(settings: Settings) -> AsyncIterator[Administration]:
    """Administration of a store that no server has open. Raises `StoreRefused`."""
    directory = Path(settings.server.data)
    async with AsyncExitStack() as resources:
        resources.callback(DataDirectoryLock(directory).release)
        time = Timekeeper(SystemClock(), settings.engine.clock_step, machine_boot())
        store = open_sqlite(directory, time, lambda _topic, _key: None)
        resources.push_async_callback(store.close)
        keyring = await unlock(store, settings.key_file)
        channels = partial(build_channels, settings.alerts, os.environ, SystemClock(), store, operators.emails)
        yield Administration(directory, store, keyring, installation(settings), channels)


class Node:
    """One Keyturn node: store, engine and HTTP. `bench` adds the no-op route that a benchmark compares with."""

    def __init__(self, settings: Settings, *, clock: Clock | None = None, bench: bool = False) -> None:
        refuse_unknown_commands(settings, frozenset(COMMANDS))
        self._settings = settings
        self._time = Timekeeper(clock or SystemClock(), settings.engine.clock_step, machine_boot())
        self._bench = bench
        self._resources = AsyncExitStack()
        self._custody: Custody | None = None
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
        behind = self._custody.behind if self._custody is not None else ()
        problems = {
            "store": ("The store cannot acknowledge.", not self.store.available),
            "audit": ("The audit chain is broken.", self._custody is not None and self._custody.broken),
            "checkpoints": (f"Checkpoints do not leave by {', '.join(behind)}.", bool(behind)),
            "clock": (
                "The wall clock was set and is not believed; actuating commands wait.",
                self.works.engine.clock_fault,
            ),
        }
        return {name: text for name, (text, there) in problems.items() if there}

    async def _start(self) -> str:
        settings, directory = self._settings, Path(self._settings.server.data)
        tls = _tls(settings)
        self._resources.callback(DataDirectoryLock(directory).release)
        bus = MemoryBus()
        bus.listen(FINAL_TOPIC, self._count_final)
        bus.listen(silences.TOPIC, lambda key: self.metrics.count_silent(*key.split(" ")))
        opened: asyncio.Future[tuple[Store, Keyring]] = asyncio.get_running_loop().create_future()
        connectors = build_connectors(settings.connectors, self._time, KeptCredentials(opened))
        self.store = open_sqlite(directory, self._time, bus.publish, on_batch=self._observe_batch)
        self._resources.push_async_callback(self.store.close)
        keyring = await unlock(self.store, settings.key_file)
        opened.set_result((self.store, keyring))
        for connector in connectors.values():  # closed before the store, which keeps what their OEMs replaced
            self._resources.push_async_callback(connector.close)
        self._custody = Custody(self.store, bus, keyring, settings.audit)
        self._custody.start()
        self._resources.push_async_callback(self._custody.stop)
        channels = build_channels(settings.alerts, os.environ, self._time, self.store, operators.emails)
        await self._start_alerts(channels)
        known = installation(settings)
        self.works = assemble(Parts(self.store, bus, self._time, keyring, connectors, self.store.epoch), settings)
        await self.store.write(partial(settle_all, spaces=known.name_spaces))
        self.administration = Administration(
            directory, self.store, keyring, known, lambda: channels, self.works.operations
        )
        await self.works.start()
        self._resources.push_async_callback(partial(self.works.stop, settings.server.drain_timeout))
        directory_of_tenants = Directory(self.store, keyring, self._time, settings.tokens.life)
        return await self._serve(self.works.desk, directory_of_tenants, tls)

    async def _serve(self, desk: Desk, directory: Directory, tls: ssl.SSLContext | None) -> str:
        settings, clock, metrics = self._settings.server, self._time, self.metrics
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
        server = Server(settings, metrics, clock, room(settings))
        self._resources.push_async_callback(partial(server.drain, settings.drain_timeout))
        self._resources.callback(desk.drain)
        port = await server.start(app, settings.host, settings.port, tls)
        if settings.metrics_host:
            await server.start(build_metrics_app(metrics, clock), settings.metrics_host, settings.metrics_port)
        await server.start_unix(build_local_app(self.administer), Path(settings.data) / SOCKET_NAME)
        self._watch(watch_loop_lag(metrics.observe_lag), "loop lag")
        self._repeat(partial(count_open, self.store, metrics), _COUNT_EVERY, "open commands")
        self._repeat(self.administration.make_due_changes, _LOOK_EVERY, "changes")
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        return f"{'https' if tls else 'http'}://{host}:{port}"

    async def _start_alerts(self, channels: Sequence[Channel]) -> None:
        max_age = self._settings.alerts.backup_max_age
        alerts = Alerts(self.store, self._time, channels, self.metrics, backup_max_age=max_age)
        await alerts.start()
        self._resources.push_async_callback(alerts.stop)

    def _watch(self, work: Coroutine[Any, Any, None], name: str) -> None:
        self._resources.callback(asyncio.create_task(work, name=name).cancel)

    def _repeat(self, work: Round, every: float, name: str) -> None:
        self._watch(make_rounds(work, every, name), name)

    def _count_final(self, key: str) -> None:
        name, state, _id = key.split(" ")
        self.metrics.count_final(name, state)

    def _observe_batch(self, units: int, _seconds: float) -> None:
        self.metrics.observe_batch(units)
        if self._custody is not None:
            self._custody.wake()


async def count_open(store: SqliteStore, metrics: Metrics) -> None:
    """Bring the gauge of open commands up to date."""
    counts: dict[str, int] = dict(await store.read(record.count_open))
    for state in State:
        metrics.set_open(state, counts.get(state, 0))


def installation(settings: Settings) -> Installation:
    """What administration may name: connectors of the configuration, commands of the catalogue."""
    found = far_sides(settings.connectors)
    return Installation(
        connectors=frozenset(settings.connectors),
        commands=frozenset(COMMANDS),
        sensitive=IGNITION_PAIR,
        reads=READS,
        credentials=credential_uses(settings.connectors),
        delay=settings.changes.delay * SECOND,
        name_spaces=NameSpaces(
            {name: side.base_url for name, side in found.items()},
            frozenset(name for name, side in found.items() if side.by_account),
        ),
    )


def _tls(settings: Settings) -> ssl.SSLContext | None:
    """Raises `ListenRefused` for a certificate that cannot be used."""
    server = settings.server
    return tls_context(server.tls_certificate, server.tls_key) if server.tls_certificate else None
