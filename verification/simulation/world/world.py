"""A scenario's environment: its time, its OEM, its nodes and their crashes."""

from collections import Counter
from collections.abc import Callable, Mapping
from contextvars import Context
from dataclasses import dataclass, field
from random import Random
from typing import Any

import apsw
import msgspec

from keyturn.admin.operation import Installation
from keyturn.bus.topics import COMMAND_CHANGED, IdT, Topic
from keyturn.commands.model.record import Command
from keyturn.engine.assembly import Randomness
from keyturn.store.port import StoreUnavailable
from keyturn.timekeeping import Timekeeper
from verification.results import Read
from verification.simulation.clients.responses import Decision, InsiderRecord, PostResult
from verification.simulation.insiders.drawing import STRAY
from verification.simulation.plan import Crash, Plan
from verification.simulation.world.bus import LossyBus
from verification.simulation.world.clock import START, VirtualClock
from verification.simulation.world.connector import ModelConnector
from verification.simulation.world.data_directory import DataDirectory
from verification.simulation.world.disk import Disk
from verification.simulation.world.faults import Faults
from verification.simulation.world.installation import INSTALLATION, VEHICLES
from verification.simulation.world.loop import Lifetime, VirtualLoop
from verification.simulation.world.node import Database, Node, SharedStore, row_of
from verification.simulation.world.oem import Actuation, Cloud
from verification.simulation.world.sealing import FailingSealing
from verification.simulation.world.time_check import CheckedTimekeeper, TimeCheck
from verification.simulation.world.vehicle_model import PARKED, VehicleModel

_HOUR = 3_600_000_000
_ON_RECORD = """
SELECT 1 FROM immobilisation WHERE vehicle_id = ? AND (state <> 'closed' OR (
  close_reason IS NOT NULL AND closed_at >= (SELECT sent_at FROM command WHERE id = ?)
))
"""


@dataclass
class World:
    """`violated` are violations that showed while the scenario ran: (check, what)."""

    plan: Plan
    data_dir: DataDirectory
    loop: VirtualLoop
    counts: Counter[str] = field(default_factory=Counter)
    posts: list[PostResult] = field(default_factory=list)
    gets: list[Read] = field(default_factory=list)
    violated: list[tuple[str, str]] = field(default_factory=list)
    outages: list[tuple[float, float]] = field(default_factory=list)
    commits: list[tuple[int, float]] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    unrecorded: list[tuple[str, Actuation]] = field(default_factory=list)
    """VINs that were immobilised without a record before the recovery check, and what immobilised them."""
    first_told: dict[str, Command] = field(default_factory=dict)
    """Each command as it was first announced."""
    insiders: InsiderRecord = field(default_factory=InsiderRecord)

    def __post_init__(self) -> None:
        seed = self.plan.seed
        self.clock = VirtualClock(self.loop.time)
        self.time_check = TimeCheck(self.clock, self.violated.append)
        self.faults = Faults(_stream("faults", seed), self.plan.rates, self.counts)
        self.chance = _stream("product", seed)
        self.pushes = _stream("pushing", seed)
        self.sealing = FailingSealing(_stream("sealing", seed), self.counts)
        self.disk = Disk(self.loop, self.faults)
        self.disk.on_commit = lambda count: self._strike("commit", count)
        if not self.plan.clock_is_true:
            self.disk.committed = self._committed
        self.cloud = Cloud(self.loop, self.clock, self.faults, Context(), self._cars())
        self.cloud.on_sending = lambda count: self._sent(count)
        self.cloud.on_actuation = self._acted
        self.nodes: list[Node] = []
        self.buried: list[object] = []
        self.calm = False
        self.epoch = 1
        self._trace: list[tuple[float, str | Callable[[], str]]] = []
        self._crashes = list(self.plan.crashes)
        self._shared: Database | None = None

    def note(self, text: str | Callable[[], str]) -> None:
        """One line of the trace; a function is called only when the trace is read."""
        self._trace.append((self.loop.time(), text))

    @property
    def trace(self) -> list[tuple[float, str]]:
        """What happened, each with its second."""
        return [(at, text if isinstance(text, str) else text()) for at, text in self._trace]

    @property
    def installation(self) -> Installation:
        """What its administration knows."""
        insider = self.plan.insider
        return INSTALLATION if insider is None else msgspec.structs.replace(INSTALLATION, delay=insider.delay)

    def rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """What is committed, seen from outside."""
        return self.data_dir.inspector.execute(sql, values).fetchall()

    def records(self, sql: str, *values: object) -> list[Mapping[str, Any]]:
        """As `rows`, each with the names of its columns."""
        cursor: Any = self.data_dir.inspector.cursor()
        cursor.row_trace = _by_name
        return list(cursor.execute(sql, values))

    def begin(self) -> None:
        """Boot every node, and schedule the crashes."""
        for number in range(self.plan.nodes):
            self._boot(f"node-{number + 1}", number)
        for crash in self.plan.crashes:
            if crash.after == "second":
                self.loop.call_later(crash.count, self._strike, "second", crash.count)

    def settle_down(self) -> None:
        """No more faults; everything comes back."""
        self.calm = self.faults.calm = self.sealing.calm = True
        self.clock.catch_up()
        self._crashes.clear()
        for node in self.nodes:
            node.lifetime.spare()
        for car in self.cloud.cars.values():
            car.reachable = True

    def living(self) -> list[Node]:
        """Nodes that answer requests."""
        return [node for node in self.nodes if node.up]

    def store_now(self) -> int:
        """The store's time, by which instants in rows are judged: a wall clock that was set may be far from it."""
        return Timekeeper.store_now(self.nodes[0].store.time)  # not checked: the node may be dead

    def close(self) -> None:
        """Give the connections back."""
        for node in self.nodes:
            node.die()
        for database in (*self.buried, self._shared):
            if isinstance(database, Database):
                database.drop()

    def _cars(self) -> dict[str, VehicleModel]:
        cars = {vehicle.vin: VehicleModel(vehicle.vin, START - _HOUR, PARKED) for vehicle in VEHICLES}
        if self.plan.insider is not None:
            cars[STRAY] = VehicleModel(STRAY, START - _HOUR, PARKED)
        for vin in self.plan.driving:
            cars[vin].drive_off(START - _HOUR // 6)
        return cars

    def _boot(self, name: str, number: int) -> None:
        lifetime = Lifetime()
        bus = LossyBus(self.loop, self.faults)
        if self.plan.nodes == 1:
            own = Database(
                self.data_dir, CheckedTimekeeper(self.clock, self.time_check), self.disk, self._announce, lifetime
            )
            self.buried.append(own)
            node, epoch = Node(name, lifetime, own.store, bus), own.store.epoch
        else:
            shared = self._shared = self._shared or self._database()
            node, epoch = Node(name, lifetime, SharedStore(shared, name, lifetime), bus), shared.store.epoch
        self.nodes[number : number + 1] = [node]
        self.note(f"{name} starts")
        self.loop.create_task(self._start(node, number, epoch), context=node.within())

    def _database(self) -> Database:
        return Database(
            self.data_dir, CheckedTimekeeper(self.clock, self.time_check), self.disk, self._announce, Lifetime()
        )

    async def _start(self, node: Node, number: int, epoch: int) -> None:
        plan, time = self.plan, node.store.time
        pushes = None if plan.pushes is None else (plan.pushes, self.pushes)
        connectors = {
            name: ModelConnector(
                self.cloud, capabilities, node.name, time, honours_expiry=plan.honours_expiry, pushes=pushes
            )
            for name, capabilities in plan.capabilities.items()
        }
        chance = Randomness(octets=self.chance.randbytes, fraction=self.chance.random)
        try:
            node.run(self.sealing.run(node.store))
            await node.start(chance, connectors, epoch, self.plan.settings)
        except StoreUnavailable:
            self.note(f"{node.name} cannot start: the store is away")
            self.loop.call_soon(self.crash, number, False, context=self.cloud.world)

    def _announce(self, topic: Topic[IdT], key: IdT, row: object = None) -> None:
        if topic is COMMAND_CHANGED and isinstance(command := row_of(row), Command):
            self.first_told.setdefault(command.id, command)
        for node in self.nodes:
            node.publish(topic, key, row)

    def crash(self, number: int, everything: bool, restart: float = 1.0, *, restored: bool = False) -> None:
        """A node dies in the middle of whatever it does; with `everything`, the store and all nodes."""
        numbers = range(len(self.nodes)) if everything or self.plan.nodes == 1 else (number,)
        for dying in numbers:
            node = self.nodes[dying]
            if node.lifetime.over:
                continue
            self.note(f"{node.name} dies")
            self.counts["node dies"] += 1
            node.die()
            self.buried.append(node)
            self.outages.append((self.loop.time(), self.loop.time() + restart))
            self.loop.call_later(restart, self._boot, node.name, dying, context=self.cloud.world)
        self._drop_store(everything)
        if restored:
            self._raise_epoch()

    def _drop_store(self, everything: bool) -> None:
        if self.plan.nodes == 1:
            for database in self.buried:
                if isinstance(database, Database):
                    database.drop()
            self.buried = [kept for kept in self.buried if not isinstance(kept, Database)]
        elif everything and self._shared is not None:
            self._shared.drop()
            self.buried.append(self._shared)
            self._shared = None

    def _committed(self) -> None:
        newest, at = self.rows("SELECT coalesce(max(seq), 0), at FROM entry")[0]
        self.commits.append((newest, self.loop.time()))
        self.time_check.committed(at)

    def _raise_epoch(self) -> None:
        """As a restore does; nothing of an older epoch is ever sent."""
        self.epoch += 1
        self.counts["store restored"] += 1
        self.data_dir.set_epoch(self.epoch)

    def _strike(self, kind: str, count: int) -> None:
        """Crashes that this event sets off: `steps` steps of the victim later."""
        for crash in [crash for crash in self._crashes if (crash.after, crash.count) == (kind, count)]:
            self._crashes.remove(crash)
            number = count % len(self.nodes)
            self.nodes[number].lifetime.end_after(crash.steps, self._dying(number, crash))

    def _dying(self, number: int, crash: Crash) -> Callable[[], None]:
        return lambda: self.crash(number, crash.everything, crash.restart, restored=crash.restored)

    def _sent(self, count: int) -> None:
        order = self.cloud.sendings[-1].order
        self.note(f"{order.target.vin} {order.name} leaves ({order.command_id[-6:]})")
        found = self.records("SELECT * FROM command WHERE id = ?", order.command_id)
        self.cloud.sendings[-1].row = found[0] if found else None
        if (self.cloud.sendings[-1].row or {}).get("epoch") != self.epoch:
            self.violated.append(("4 sent in time", f"{order.command_id} of an older epoch was sent"))
        self._strike("sending", count)

    def _acted(self, actuation: Actuation) -> None:
        self.note(f"{actuation.vin} does {actuation.name} ({actuation.ref[-6:]})")
        if actuation.name == "disable_ignition":
            self._must_be_recorded(actuation)

    def _must_be_recorded(self, actuation: Actuation) -> None:
        """From the intent on, and so at the latest now, a record is open, unless an operator has closed it since."""
        row = self.rows("SELECT answer_deadline, vehicle_id FROM command WHERE id = ?", actuation.ref)
        record = row and self.rows(_ON_RECORD, row[0][1], actuation.ref)
        in_time = row and self.clock.now() <= (row[0][0] or 0)
        if in_time and not record and self.plan.clock_is_true:
            self.violated.append(("immobilisation on record", f"{actuation.vin} was immobilised off the record"))


def _stream(name: str, seed: int) -> Random:
    return Random(f"{name} {seed}")


def _by_name(cursor: apsw.Cursor, row: tuple[Any, ...]) -> Mapping[str, Any]:
    return dict(zip((column[0] for column in cursor.get_description()), row, strict=True))
