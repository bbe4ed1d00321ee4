"""The engine: drives every open command of this node to its end.

It holds no truth. A command is driven by one task at a time; the task reads the row, does the step that its state asks
for, and looks again. Wake-ups come over the bus with every commit and may be lost: the sweep finds what they missed.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from collections.abc import Set as AbstractSet
from functools import partial

import structlog

from keyturn.audit import journal
from keyturn.bus.port import Bus
from keyturn.bus.topics import CLOCK_ACCEPTED, CONFIRMATION_ISSUED, VEHICLE_HAS_WORK, BootId
from keyturn.commands.model import lanes, lifecycle, record
from keyturn.commands.model.record import Command, OpenCommand
from keyturn.commands.model.states import State
from keyturn.engine.dispatch import Dispatcher
from keyturn.engine.follow import Follower
from keyturn.engine.recovery import Recoverer, release_posts
from keyturn.engine.send_guards import SendBudgets
from keyturn.engine.sweep import Sweeper
from keyturn.engine.vehicle_reader import VehicleReader
from keyturn.engine.verify import Verifier
from keyturn.store import clock_state
from keyturn.store.background import retry_until_available, run_periodically
from keyturn.store.port import ReadTx, Store, StoreUnavailable
from keyturn.timekeeping import Timekeeper

log = structlog.get_logger()
Step = Callable[[Command], Awaitable[None]]
_CLOCK_EVERY = 1.0
"""Seconds between two looks at the clocks."""
_AT_ONCE = 32
"""Commands taken up in one turn of the event loop: others want to be served too."""


class Engine:
    """Start it once the store is open; stop it before the store closes."""

    def __init__(
        self,
        store: Store,
        bus: Bus,
        vehicles: VehicleReader,
        dispatcher: Dispatcher,
        follower: Follower,
        verifier: Verifier,
        recoverer: Recoverer,
        time: Timekeeper,
        budgets: SendBudgets,
    ) -> None:
        self._store = store
        self._bus = bus
        self._vehicles = vehicles
        self._dispatcher = dispatcher
        self.look_again = follower.look_again
        self._time = time
        self._budgets = budgets
        self._steps: Mapping[State, Step] = {
            State.QUEUED: dispatcher.dispatch,
            State.DISPATCHING: recoverer.recover,
            State.ACCEPTED: follower.follow,
            State.UNKNOWN: follower.follow,
            State.EXECUTED: verifier.verify,
        }
        self._driven: dict[str, asyncio.Task[None]] = {}
        self._tending: dict[str, asyncio.Task[None]] = {}
        self._again: set[str] = set()
        self._missed: set[str] = set()
        self._background: set[asyncio.Task[None]] = set()
        self._unlisten: list[Callable[[], None]] = []
        self._draining = False
        self._clock_fault_told = False

    async def start(self, sweeper: Sweeper) -> None:
        """Take up what an earlier process left, then listen."""
        await self._store.write(release_posts)
        self._unlisten = [
            self._bus.listen(VEHICLE_HAS_WORK, self.tend),
            self._bus.listen(CONFIRMATION_ISSUED, self._refresh),
            self._bus.listen(CLOCK_ACCEPTED, self._look_at_clock_now),
        ]
        self._spawn(run_periodically(sweeper.look, sweeper.interval, "sweep"), "sweep")
        self._spawn(run_periodically(self._look_at_clock, _CLOCK_EVERY, "clock"), "clock")
        self._spawn(self.tend_undriven(), "take up")

    async def stop(self, grace: float) -> None:
        """Send nothing more; wait up to `grace` seconds for answers that are on their way; let go of the rest."""
        self._draining = True
        for unlisten in self._unlisten:
            unlisten()
        sending = [self._driven[command_id] for command_id in self._dispatcher.sending if command_id in self._driven]
        if sending:
            await asyncio.wait(sending, timeout=grace)
        tasks = [*self._driven.values(), *self._tending.values(), *self._background]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._vehicles.stop()

    @property
    def clock_fault(self) -> bool:
        """The wall clock was set, or is not to be believed: no actuating command is sent, restoring ones aside."""
        return self._time.fault

    @property
    def sending(self) -> AbstractSet[str]:
        """Commands between intent and recorded answer."""
        return self._dispatcher.sending

    @property
    def busy(self) -> int:
        """How many commands are being driven."""
        return len(self._driven)

    def tend(self, vehicle_id: str) -> None:
        """See to it that every open command of the vehicle that has work is driven."""
        if self._draining:
            return
        if vehicle_id in self._tending:
            self._again.add(vehicle_id)
            return
        task = asyncio.create_task(self._tend(vehicle_id), name=f"tend {vehicle_id}")
        self._tending[vehicle_id] = task
        task.add_done_callback(partial(self._tended, vehicle_id))

    async def tend_undriven(self) -> None:
        """The net below lost wake-ups: tend every open command that nobody drives, a few in each turn of the loop."""
        after = ""
        while places := await self._store.read(partial(record.open_positions, after=after, limit=_AT_ONCE)):
            undriven = (vehicle_id for command_id, vehicle_id in places if command_id not in self._driven)
            for vehicle_id in dict.fromkeys(undriven):
                self.tend(vehicle_id)
            if len(places) < _AT_ONCE:
                return
            after = places[-1][0]
            await asyncio.sleep(0)

    async def _tend(self, vehicle_id: str) -> None:
        rows, now = await self._store.read(partial(_open_rows, vehicle_id=vehicle_id))
        self._grant_budgets(rows, now)
        for row in _with_work(rows):
            if row.command_id in self._driven:
                self._missed.add(row.command_id)
            elif not self._draining:
                task = asyncio.create_task(self._drive(row.command_id), name=f"drive {row.command_id}")
                self._driven[row.command_id] = task
                task.add_done_callback(partial(self._done, row))

    def _grant_budgets(self, rows: list[OpenCommand], now: int) -> None:
        """A Queued command's time runs from the moment when this process first saw it."""
        for row in rows:
            if row.state is State.QUEUED:
                self._budgets.grant(row.command_id, now, row.wake_at)

    async def _look_at_clock(self) -> None:
        kept = await self._store.read(clock_state.load)
        self._time.accept(kept)
        fault, seconds = self._time.check(), round(self._time.gap, 3)
        if self._time.differs_from(kept):
            await self._store.write(partial(clock_state.save, state=self._time.state()))
        if fault == self._clock_fault_told:
            return
        self._clock_fault_told = fault
        if fault:
            log.warning("the wall clock was set", seconds=seconds)
            entry = partial(journal.record, kind="clock.fault", seconds=seconds)
        else:
            log.warning("the wall clock is believed again")
            entry = partial(journal.record, kind="clock.recovered")
        await retry_until_available(partial(self._store.write, partial(entry, company_id=None, actor=lifecycle.ENGINE)))
        await self.tend_undriven()

    def _look_at_clock_now(self, _boot: BootId) -> None:
        self._spawn(self._look_at_clock(), "clock accepted")

    def _tended(self, vehicle_id: str, task: asyncio.Task[None]) -> None:
        self._tending.pop(vehicle_id, None)
        _log_failure(task)
        if vehicle_id in self._again:
            self._again.discard(vehicle_id)
            self.tend(vehicle_id)

    async def _drive(self, command_id: str) -> None:
        """Step after step, for as long as a step changes the state."""
        before: tuple[State, int] | None = None
        while not self._draining:
            command = await self._store.read(partial(record.load_open, command_id=command_id))
            if command is None or (command.state, command.fence) == before:
                return
            step = self._steps.get(command.state)
            if step is None:
                return
            before = (command.state, command.fence)
            await step(command)

    def _done(self, row: OpenCommand, task: asyncio.Task[None]) -> None:
        """A wake-up that found the command driven may have been for what comes after this drive."""
        self._driven.pop(row.command_id, None)
        failed = _log_failure(task)
        if row.command_id in self._missed:
            self._missed.discard(row.command_id)
            if not failed:
                self.tend(row.vehicle_id)

    def _refresh(self, vehicle_id: str) -> None:
        """A code was issued: by the time it comes back, the vehicle's state should be known."""
        self._spawn(self._vehicles.read(vehicle_id), f"refresh {vehicle_id}")

    def _spawn(self, work: Awaitable[None], name: str) -> None:
        task = asyncio.ensure_future(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)
        task.add_done_callback(_log_failure)
        log.debug("spawned", task=name)


def _open_rows(tx: ReadTx, vehicle_id: str) -> tuple[list[OpenCommand], int]:
    return record.open_of_vehicle(tx, vehicle_id), tx.now


def _with_work(rows: list[OpenCommand]) -> list[OpenCommand]:
    contending = {row.command_id for row in lanes.contenders(rows)}
    return [row for row in rows if row.state is not State.QUEUED or row.command_id in contending]


def _log_failure(task: asyncio.Task[None]) -> bool:
    """True when the task ended by an exception; the sweep brings its command back."""
    if task.cancelled():
        return True
    error = task.exception()
    if error is not None and not isinstance(error, StoreUnavailable):
        log.error("an engine task failed", task=task.get_name(), exc_info=error)
    return error is not None
