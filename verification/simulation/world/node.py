"""One Keyturn node of a scenario: a command service and an engine that can die between any two steps."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from contextvars import Context
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import apsw
import msgspec

from keyturn.admin import clock_operations
from keyturn.admin.operation import Operation
from keyturn.bus.port import Bus
from keyturn.bus.topics import IdT, Topic
from keyturn.commands.admission.requests import CommandRequest
from keyturn.config.settings import Settings
from keyturn.connectors.port import Connector
from keyturn.engine.assembly import Dependencies, Randomness, Runtime, assemble
from keyturn.errors import BearerInvalid, Refusal, ServiceUnavailable
from keyturn.operations import bind
from keyturn.store.port import Announce, StoreUnavailable, Tx
from keyturn.store.sqlite.store import SqliteStore, open_sqlite
from keyturn.store.sqlite.transaction import SqliteTx
from keyturn.timekeeping import Timekeeper
from verification.simulation.world.data_directory import DataDirectory
from verification.simulation.world.disk import AtOnce, Disk
from verification.simulation.world.installation import KEYRING
from verification.simulation.world.loop import Lifetime, context_of

T = TypeVar("T")
Answer = tuple[int | None, dict[str, Any]]
"""HTTP code and body; None: the connection was lost."""
LOST: Answer = (None, {})

_PRINCIPAL = """
SELECT a.company_id, a.grants FROM application a JOIN company c ON c.id = a.company_id
WHERE a.id = :id AND a.active = 1 AND c.active = 1
"""
_NAMES = msgspec.json.Decoder(frozenset[str])


CHECKPOINT_PAGES = 20
"""Few, so that the log is copied in most scenarios."""


class Database:
    """A store with a life: its node's own, or one that nodes share and that goes on without them."""

    def __init__(
        self, data_dir: DataDirectory, time: Timekeeper, disk: Disk, announce: Announce, lifetime: Lifetime
    ) -> None:
        self.lifetime = lifetime
        self.context = context_of(lifetime)
        self._data_dir = data_dir
        self._lent: list[apsw.Connection] = []
        opened = partial(
            open_sqlite, disk=disk, beside=AtOnce(), checkpoint_pages=CHECKPOINT_PAGES, connect=self._connect
        )
        self.store: SqliteStore = self.context.run(opened, data_dir.directory, time, announce)

    def drop(self) -> None:
        """What was not committed is gone; the files stay."""
        self.lifetime.over = True
        for connection in self._lent:
            connection.close()

    def _connect(self, path: Path, mode: str) -> apsw.Connection:
        self._lent.append(self._data_dir.lend(path, mode))
        return self._lent[-1]


class OwnRow(NamedTuple):
    """A row on its way from the unit that wrote it to the node that asked for that."""

    node: str
    row: object


def row_of(announced: object) -> object:
    """The row that was announced, whosever it is."""
    return announced.row if isinstance(announced, OwnRow) else announced


class SharedStore:
    """The way of a node, by its name, to a store that outlives it: a unit that was handed over runs whatever becomes
    of the node.
    """

    def __init__(self, database: Database, node: str, lifetime: Lifetime) -> None:
        self._database = database
        self._node = node
        self._lifetime = lifetime
        self.read = database.store.read
        self.backup = database.store.backup
        self.conclude_with = database.store.conclude_with
        self.epoch = database.store.epoch
        self.time = database.store.time

    async def write(self, work: Callable[[Tx], T]) -> T:
        context = self._database.context.copy()
        unit = partial(self._owned, work)
        return await asyncio.get_running_loop().create_task(self._database.store.write(unit), context=context)

    def _owned(self, work: Callable[[Tx], T], tx: Tx) -> T:
        """Rows that `work` announces go to this node alone, and so does what became of it."""
        assert isinstance(tx, SqliteTx)
        announced, outcomes = len(tx.announced), len(tx.outcomes)
        try:
            return work(tx)
        finally:
            tx.announced[announced:] = [
                (topic, key, OwnRow(self._node, row)) for topic, key, row in tx.announced[announced:]
            ]
            tx.outcomes[outcomes:] = [partial(self._tell, act) for act in tx.outcomes[outcomes:]]

    def _tell(self, act: Callable[[bool], None], durable: bool) -> None:
        if not self._lifetime.over:
            context_of(self._lifetime).run(act, durable)

    @property
    def available(self) -> bool:
        """Of the store that nodes share."""
        return self._database.store.available

    async def close(self) -> None:
        """The store is not the node's to close."""


class Node:
    """`lifetime` ends with it. Requests that it had not answered by then get `LOST`."""

    def __init__(self, name: str, lifetime: Lifetime, store: SqliteStore | SharedStore, bus: Bus) -> None:
        self.name = name
        self.lifetime = lifetime
        self.store = store
        self.bus = bus
        self.up = self.stopping = False
        self.started_at = 0
        """Microseconds, by the store's time."""
        self._context = context_of(lifetime)
        self._waiting: dict[asyncio.Future[Answer], None] = {}
        self._tasks: list[asyncio.Task[Any]] = []
        self._runtime: Runtime | None = None

    async def start(
        self, chance: Randomness, connectors: Mapping[str, Connector], epoch: int, settings: Settings
    ) -> None:
        """Run this in the node's own context. Raises StoreUnavailable."""
        shared = isinstance(self.store, SharedStore)
        parts = Dependencies(self.store, self.bus, self.store.time, KEYRING, connectors, epoch, chance, shared=shared)
        self._runtime = assemble(parts, settings)
        self.started_at = self.store.time.store_now()
        await self._runtime.start()
        for name, connector in connectors.items():
            await connector.start(self._runtime.inbox(name))
        self.up = True

    async def stop(self, grace: float) -> None:
        """As its operator stops it; what is asked of it meanwhile is still answered."""
        self.stopping = True
        if self._runtime is not None:
            await self._runtime.stop(grace)

    @property
    def sending(self) -> frozenset[str]:
        """Commands that it is sending at this moment."""
        return frozenset(self._runtime.engine.sending) if self._runtime else frozenset()

    @property
    def operations(self) -> tuple[Operation, ...]:
        """The table of its administration."""
        served = self._runtime.implementations if self._runtime else {}
        return bind({**served, **clock_operations.implementations(self.store.time)})

    def within(self) -> Context:
        """A context for a step of this node."""
        return self._context.copy()

    def run(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """A task that ends with the node, wherever it is."""
        task = asyncio.get_running_loop().create_task(work, context=self.within())
        self._tasks.append(task)
        return task

    def publish(self, topic: Topic[IdT], key: IdT, row: object) -> None:
        """A durable unit announced something."""
        if isinstance(row, OwnRow):
            row = row.row if row.node == self.name else None
        if not self.lifetime.over:
            self.within().run(self.bus.publish, topic, key, row)

    def die(self) -> None:
        """Nothing of this node runs any more."""
        self.lifetime.over, self.up = True, False
        for answer in self._waiting:
            if not answer.done():
                answer.set_result(LOST)

    async def post(self, application: str, **asked: Any) -> Answer:
        """`POST /vehicle-command`, bearer and signature being right."""
        return await self._served(self._post(application, asked))

    async def get(self, application: str, command_id: str, wait: float) -> Answer:
        """`GET /vehicle-command/{id}`."""
        return await self._served(self._get(application, command_id, wait))

    async def _served(self, work: Coroutine[Any, Any, Answer]) -> Answer:
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Answer] = loop.create_future()
        self._waiting[answer] = None
        task = self.run(work)
        task.add_done_callback(lambda done: None if answer.done() else answer.set_result(done.result()))
        try:
            return await answer
        finally:
            del self._waiting[answer]

    async def _post(self, application: str, asked: dict[str, Any]) -> Answer:
        assert self._runtime is not None, "requests are served once the node has started"
        try:
            company, grants = await self._principal(application)
            request = CommandRequest(company_id=company, application_id=application, grants=grants, **asked)
            answer = await self._runtime.service.submit(request)
        except Refusal as refusal:
            return refusal.http_status, {"detail": refusal.detail}
        except StoreUnavailable:
            return ServiceUnavailable.http_status, {"detail": ServiceUnavailable.detail}
        return answer.http_status, answer.body

    async def _get(self, application: str, command_id: str, wait: float) -> Answer:
        assert self._runtime is not None, "requests are served once the node has started"
        try:
            company, _grants = await self._principal(application)
            record = await self._runtime.service.get(company, command_id, wait)
        except Refusal as refusal:
            return refusal.http_status, {"detail": refusal.detail}
        except StoreUnavailable:
            return ServiceUnavailable.http_status, {"detail": ServiceUnavailable.detail}
        return (404, {}) if record is None else (200, record)

    async def _principal(self, application: str) -> tuple[str, frozenset[str]]:
        row = await self.store.read(lambda tx: tx.one(_PRINCIPAL, id=application))
        if row is None:
            raise BearerInvalid
        return row[0], _NAMES.decode(row[1])
