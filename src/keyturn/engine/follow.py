"""Follows Accepted and Unknown commands to their outcome: asks the OEM, looks up by our id, reads the vehicle."""

import asyncio
from collections.abc import Callable
from functools import partial

from keyturn.clock import Clock, after
from keyturn.commands.execution import outcome
from keyturn.commands.model import record
from keyturn.commands.model.record import Command
from keyturn.commands.model.states import State
from keyturn.connectors.port import Connector, Target
from keyturn.connectors.responses import OemResponse, OutcomeKind
from keyturn.engine.unanswered import UnansweredLog
from keyturn.engine.vehicle_reader import VehicleReader
from keyturn.fleet import evidence
from keyturn.fleet.vehicles import Vehicle
from keyturn.store.background import retry_until_available
from keyturn.store.port import ReadTx, Store, Tx

_GROWTH = 1.6
_JITTER = 0.2
_LATE_CEILING = 60.0
"""Seconds between questions about a command whose answer deadline is long past."""
_LATE_AFTER = 600.0
_FIRST_QUESTIONS = 1000.0
"""First questions per second, when very many commands are taken up at once."""


class Pause:
    """Sleeps for one task. A cut that comes while it does not sleep ends the next sleep at once."""

    def __init__(self) -> None:
        self._cut = False
        self._sleeping: asyncio.Future[None] | None = None

    async def sleep(self, seconds: float) -> None:
        """Sleep until `seconds` have passed or `cut` is called."""
        if self._cut:
            self._cut = False
            return
        loop = asyncio.get_running_loop()
        self._sleeping = loop.create_future()
        timer = loop.call_later(seconds, _end, self._sleeping)
        try:
            await self._sleeping
        finally:
            timer.cancel()
            self._sleeping = None

    def cut(self) -> None:
        """End the sleep that is under way, or the next one."""
        if self._sleeping is None:
            self._cut = True
        else:
            _end(self._sleeping)


def _end(sleeping: "asyncio.Future[None]") -> None:
    if not sleeping.done():
        sleeping.set_result(None)


class Follower:
    """Asks OEMs about commands that they have or may have. `jitter` gives a number in [0, 1)."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        vehicles: VehicleReader,
        verify_for: float,
        jitter: Callable[[], float],
        unanswered: UnansweredLog,
    ) -> None:
        self._store = store
        self._clock = clock
        self._vehicles = vehicles
        self._verify_for = verify_for
        self._jitter = jitter
        self._unanswered = unanswered
        self._pauses: dict[str, Pause] = {}

    async def follow(self, command: Command) -> None:
        """Follow until the command's outcome is clear or it is not asked about any more."""
        reached = await self._vehicles.reach(command.vehicle_id, command)
        if reached is None:
            return
        pause = self._pauses[command.id] = Pause()
        try:
            await self._follow(command, pause, *reached)
        finally:
            del self._pauses[command.id]

    def follow_now(self, command_id: str) -> None:
        """Ask about the command now and not after the pause: a pushed result may have changed its record."""
        if (pause := self._pauses.get(command_id)) is not None:
            pause.cut()

    async def _follow(
        self, command: Command, between: Pause, vehicle: Vehicle, target: Target, connector: Connector
    ) -> None:
        questions = await self._unanswered.of_command(vehicle.connector, command.id)
        pause = connector.capabilities.follow_floor
        cancelled = False
        spread = self._jitter() * len(self._pauses) / _FIRST_QUESTIONS
        while True:
            await between.sleep(spread + pause * (1 + _JITTER * (self._jitter() - 0.5)))
            spread = 0.0
            current = await self._store.read(partial(_still_followed, command=command))
            if current is None:
                return
            command = current
            answer = await self._asked(command, target, connector)
            await questions.note(answer)
            if await self._resolved(command, answer, connector):
                return
            if command.state is State.UNKNOWN and command.oem_operation and not cancelled:
                cancelled = True
                if await self._cancelled(command, target, connector):
                    return
            pause = max(self._next_pause(pause, command, connector), answer.retry_after or 0.0)

    async def _asked(self, command: Command, target: Target, connector: Connector) -> OemResponse:
        operation = command.oem_operation
        if operation is not None:
            return await connector.get_status(target, command.name, operation)
        if connector.capabilities.finds_by_reference:
            return await connector.find_by_reference(target, command.name, command.id)
        return OemResponse(OutcomeKind.NOTHING_FOUND)

    async def _resolved(self, command: Command, answer: OemResponse, connector: Connector) -> bool:
        capabilities = connector.capabilities
        apply = partial(outcome.apply, command_id=command.id, answer=answer, capabilities=capabilities)
        moved = (
            await retry_until_available(partial(self._store.write, apply))
            if _is_final_or_new(command, answer)
            else None
        )
        if moved is not None and moved.state is not State.UNKNOWN:
            return True
        return await self._resolved_by_reading(command, connector)

    async def _resolved_by_reading(self, command: Command, connector: Connector) -> bool:
        """Unknown only, for ten minutes after the sending: has the verifying signal changed to what was wanted?"""
        until = after(command.sent_at or 0, self._verify_for)
        if command.state is not State.UNKNOWN or not outcome.readable(command, connector.capabilities):
            return False
        if self._clock.now() > until:
            return False
        await self._vehicles.read(command.vehicle_id)

        def resolve(tx: Tx) -> Command | None:
            known = evidence.load(tx, command.vehicle_id)
            return outcome.executed_by_reading(tx, command.id, known, connector.capabilities)

        return await self._store.write(resolve) is not None

    async def _cancelled(self, command: Command, target: Target, connector: Connector) -> bool:
        """After the answer deadline. The command is Failed only if the OEM says that the vehicle never got it."""
        operation = command.oem_operation
        past = self._clock.now() >= (command.answer_deadline or 0)
        if operation is None or not past or not connector.capabilities.cancels:
            return False
        answer = await connector.cancel(target, operation)
        if answer.kind is not OutcomeKind.FAILED or not answer.cancelled:
            return False
        apply = partial(outcome.apply, command_id=command.id, answer=answer, capabilities=connector.capabilities)
        return await retry_until_available(partial(self._store.write, apply)) is not None

    def _next_pause(self, pause: float, command: Command, connector: Connector) -> float:
        long_past = self._clock.now() > after(command.answer_deadline or 0, _LATE_AFTER)
        ceiling = _LATE_CEILING if long_past else connector.capabilities.follow_ceiling
        return min(pause * _GROWTH, ceiling)


def _still_followed(tx: ReadTx, command: Command) -> Command | None:
    """The command as it is now; None: it is not followed any more."""
    if record.followed_fence(tx, command.id) == command.fence:
        return command
    return record.load_followed(tx, command.id)


def _is_final_or_new(command: Command, answer: OemResponse) -> bool:
    """Whether to record the answer. Most are "in progress", and need no transaction."""
    if answer.kind is OutcomeKind.IN_PROGRESS:
        return command.state is State.UNKNOWN and command.operation is None
    return answer.kind is not OutcomeKind.NOTHING_FOUND
