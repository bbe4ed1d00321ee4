"""The engine: runs every open command of this node to its final state.

The store holds the state; the engine holds only tasks. One task at a time runs a command: it does the step for its
state with the row at hand, then the next step with the row that this one wrote, or reads it. Every write is fenced, so
an old row does no harm. Wake-ups come over the bus after every commit and may be lost; the sweep schedules what they
missed.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from collections.abc import Set as AbstractSet
from contextlib import suppress
from functools import partial
from typing import Any

import structlog

from keyturn.bus.port import Bus
from keyturn.bus.topics import (
    CLOCK_ACCEPTED,
    COMMAND_CHANGED,
    COMMAND_DUE,
    CONFIRMATION_ISSUED,
    VEHICLE_HAS_WORK,
    BootId,
    CommandId,
)
from keyturn.commands.model import lanes, lifecycle, record
from keyturn.commands.model.record import Command, OpenCommand
from keyturn.commands.model.states import State
from keyturn.engine.clock_watch import ClockWatch
from keyturn.engine.dispatch import Dispatcher
from keyturn.engine.follow import Follower
from keyturn.engine.recovery import Recoverer, mark_posts_answered
from keyturn.engine.send_guards import SendBudgets
from keyturn.engine.sweep import Sweeper
from keyturn.engine.vehicle_reader import VehicleReader
from keyturn.engine.verify import Verifier
from keyturn.store.background import run_periodically
from keyturn.store.port import ReadTx, Store, StoreUnavailable, Tx
from keyturn.timekeeping import Timekeeper

log = structlog.get_logger()
Step = Callable[[Command], Awaitable[Command | None]]
"""Does what a command's state asks for; the row that it wrote last, or None."""
_IN_FLIGHT = frozenset({State.ACCEPTED, State.UNKNOWN, State.EXECUTED})
"""Open commands in these states are run as soon as they change, whatever else their vehicle has."""
_CLOCK_EVERY = 1.0
"""Seconds between two checks of the clocks."""
_AT_ONCE = 32
"""Commands scheduled in one turn of the event loop, so that other tasks run in between."""


class Engine:
    """Runs commands. Start it once the store is open; stop it before the store closes."""

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
        self.follow_now = follower.follow_now
        self._time = time
        self._budgets = budgets
        self._steps: Mapping[State, Step] = {
            State.QUEUED: dispatcher.dispatch,
            State.DISPATCHING: recoverer.recover,
            State.ACCEPTED: follower.follow,
            State.UNKNOWN: follower.follow,
            State.EXECUTED: verifier.verify,
        }
        self._running: dict[str, asyncio.Task[Command | None]] = {}
        self._newest: dict[str, Command] = {}
        """Rows that changed while their command has a task."""
        self._scheduling: dict[str, asyncio.Task[None]] = {}
        self._schedule_again: set[str] = set()
        self._missed: set[str] = set()
        self._background: set[asyncio.Task[None]] = set()
        self._unlisten: list[Callable[[], None]] = []
        self._draining = True
        """Until the start, too: no task is begun."""
        self._clock_watch = ClockWatch(store, time)

    async def start(self, sweeper: Sweeper) -> None:
        """Take up open commands of an earlier process, then listen."""
        await self._store.write(mark_posts_answered)
        self._draining = False
        self._unlisten = [
            self._bus.listen_for_rows(COMMAND_CHANGED, self._changed),
            self._bus.listen_for_rows(COMMAND_DUE, self._due),
            self._bus.listen(VEHICLE_HAS_WORK, self.schedule_vehicle),
            self._bus.listen(CONFIRMATION_ISSUED, self._refresh),
            self._bus.listen(CLOCK_ACCEPTED, self._check_clock_now),
        ]
        self._spawn(run_periodically(sweeper.run_once, sweeper.interval, "sweep"), "sweep")
        self._spawn(run_periodically(self._check_clock, _CLOCK_EVERY, "clock"), "clock")
        self._spawn(self.rescan(), "rescan")

    async def stop(self, grace: float) -> None:
        """Send nothing more; wait up to `grace` seconds for answers on their way; cancel the rest."""
        self._draining = True
        for unlisten in self._unlisten:
            unlisten()
        with suppress(StoreUnavailable):
            await self._store.write(_nothing)  # the units before it, which may have written intents, are through
        sending = [self._running[command_id] for command_id in self._dispatcher.sending if command_id in self._running]
        tasks = [*self._running.values(), *self._scheduling.values(), *self._background]
        for task in [task for task in tasks if task not in sending]:  # before it writes an intent that nobody waits for
            task.cancel()
        if sending:
            await asyncio.wait(sending, timeout=grace)
        for task in sending:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._vehicles.stop()
        await self._clock_watch.keep()

    @property
    def clock_fault(self) -> bool:
        """The wall clock was set and is not trusted: no actuating command is sent; restoring ones and reads are."""
        return self._time.fault

    @property
    def sending(self) -> AbstractSet[str]:
        """Commands between intent and recorded answer."""
        return self._dispatcher.sending

    @property
    def draining(self) -> bool:
        """No command is sent that has no intent by now."""
        return self._draining

    def run_written(self, intent: Command, step: Step) -> None:
        """Run a command whose intent has just become durable, beginning with `step`, also while the node drains."""
        self._budgets.grant(intent.id, intent.sent_at or 0, intent.send_deadline or 0)
        self._start(intent.id, intent.vehicle_id, intent, step)

    @property
    def busy(self) -> int:
        """How many commands have a task."""
        return len(self._running)

    def schedule_vehicle(self, vehicle_id: str) -> None:
        """Start a task for every open command of the vehicle that has something to do and has no task yet."""
        if self._draining:
            return
        if vehicle_id in self._scheduling:
            self._schedule_again.add(vehicle_id)
            return
        task = asyncio.create_task(self._schedule(vehicle_id), name=f"schedule {vehicle_id}")
        self._scheduling[vehicle_id] = task
        task.add_done_callback(partial(self._scheduled, vehicle_id))

    async def rescan(self) -> None:
        """Schedule every open command that has no task, because its wake-up was lost; some in each turn of the loop."""
        after = ""
        while positions := await self._store.read(partial(record.open_positions, after=after, limit=_AT_ONCE)):
            idle = (vehicle_id for command_id, vehicle_id in positions if command_id not in self._running)
            for vehicle_id in dict.fromkeys(idle):
                self.schedule_vehicle(vehicle_id)
            if len(positions) < _AT_ONCE:
                return
            after = positions[-1][0]
            await asyncio.sleep(0)

    async def _schedule(self, vehicle_id: str) -> None:
        rows, now = await self._store.read(partial(_open_rows, vehicle_id=vehicle_id))
        self._grant_budgets(rows, now)
        for row in _with_work(rows):
            if row.command_id in self._running:
                self._missed.add(row.command_id)
            elif row.command_id not in self._dispatcher.sending and not self._draining:
                self._start(row.command_id, row.vehicle_id)

    def _due(self, command_id: CommandId, command: Command | None) -> None:
        if command is not None and command_id not in self._running and not self._draining:
            self._start(command.id, command.vehicle_id, command)

    def _changed(self, _command_id: CommandId, command: Command | None) -> None:
        """This process wrote a command."""
        if command is None:
            return
        if command.state is State.QUEUED:
            now = command.created_at if command.fence == 1 else self._time.store_now()
            self._budgets.grant(command.id, now, command.send_deadline or 0)
        if command.id in self._running:
            self._newest[command.id] = command
        elif command.state in _IN_FLIGHT and lifecycle.stays_open(command) and not self._draining:
            self._start(command.id, command.vehicle_id, command)

    def _start(
        self, command_id: str, vehicle_id: str, command: Command | None = None, first: Step | None = None
    ) -> None:
        """Run a command that has no task, from this row of it or from the one in the store."""
        task = asyncio.create_task(self._run_command(command_id, command, first), name=f"run {command_id}")
        self._running[command_id] = task
        task.add_done_callback(partial(self._done, command_id, vehicle_id))

    def _grant_budgets(self, rows: list[OpenCommand], now: int) -> None:
        """The send budget of a Queued command starts when this process first sees it."""
        for row in rows:
            if row.state is State.QUEUED:
                self._budgets.grant(row.command_id, now, row.wake_at)

    async def _check_clock(self) -> None:
        if await self._clock_watch.check():
            await self.rescan()

    def _check_clock_now(self, _boot: BootId) -> None:
        self._spawn(self._check_clock(), "clock accepted")

    def _scheduled(self, vehicle_id: str, task: asyncio.Task[None]) -> None:
        self._scheduling.pop(vehicle_id, None)
        _log_failure(task)
        if vehicle_id in self._schedule_again:
            self._schedule_again.discard(vehicle_id)
            self.schedule_vehicle(vehicle_id)

    async def _run_command(self, command_id: str, command: Command | None, first: Step | None) -> Command | None:
        """Do step after step, as long as a step changes the command; the newest row of it that was seen.

        `first` is a step that is owed, whatever the state and the node are.
        """
        known: Command | None = None
        if first is not None and command is not None:
            known, command = command, await first(command)
        while not self._draining:
            ended = command is not None and not lifecycle.stays_open(command)
            current = command or await self._store.read(partial(record.load_open, command_id=command_id))
            if current is None or (known is not None and current.fence == known.fence):
                return known
            known = current
            step = None if ended else self._steps.get(current.state)
            if step is None:
                return known
            command = await step(current)
        return known

    def _done(self, command_id: str, vehicle_id: str, task: asyncio.Task[Command | None]) -> None:
        """A wake-up that came while the command had a task may be for something after that task."""
        self._running.pop(command_id, None)
        newest, missed = self._newest.pop(command_id, None), command_id in self._missed
        self._missed.discard(command_id)
        if _log_failure(task):
            return
        if missed:
            self.schedule_vehicle(vehicle_id)
        elif newest is not None and newest.fence > _fence(task.result()):
            self._changed(CommandId(command_id), newest)

    def _refresh(self, vehicle_id: str) -> None:
        """A confirmation code was issued: read the vehicle, so that its state is known when the code is redeemed."""
        self._spawn(self._vehicles.read(vehicle_id), f"refresh {vehicle_id}")

    def _spawn(self, work: Awaitable[None], name: str) -> None:
        task = asyncio.ensure_future(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)
        task.add_done_callback(_log_failure)
        log.debug("spawned", task=name)


def _nothing(_tx: Tx) -> None:
    pass


def _open_rows(tx: ReadTx, vehicle_id: str) -> tuple[list[OpenCommand], int]:
    return record.open_of_vehicle(tx, vehicle_id), tx.now


def _with_work(rows: list[OpenCommand]) -> list[OpenCommand]:
    contending = {row.command_id for row in lanes.contenders(rows)}
    return [row for row in rows if row.state is not State.QUEUED or row.command_id in contending]


def _fence(command: Command | None) -> int:
    return 0 if command is None else command.fence


def _log_failure(task: asyncio.Task[Any]) -> bool:
    """True when the task was cancelled or failed; the sweep schedules its command again."""
    if task.cancelled():
        return True
    error = task.exception()
    if error is not None and not isinstance(error, StoreUnavailable):
        log.error("an engine task failed", task=task.get_name(), exc_info=error)
    return error is not None
