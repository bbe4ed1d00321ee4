"""Recovers commands whose sending has no recorded answer, because a process crashed or another node stopped."""

import asyncio
from functools import partial

from keyturn.clock import Clock, after, seconds_between
from keyturn.commands.execution import outcome
from keyturn.commands.model import lifecycle, record
from keyturn.commands.model.record import Command
from keyturn.commands.model.states import State
from keyturn.connectors.port import Capabilities
from keyturn.connectors.responses import OemResponse, OutcomeKind
from keyturn.engine.send_guards import store_now
from keyturn.engine.vehicle_reader import VehicleReader
from keyturn.store.background import retry_until_available
from keyturn.store.port import Store, Tx


class Recoverer:
    """Resolves Dispatching commands without a recorded answer.

    Another node may still be sending, bounded by `send_by` on its own boot clock. So no command becomes Unknown within
    `peer_send_timeout`, the seconds that a sending may take, whatever the wall clock says.
    """

    def __init__(
        self, store: Store, clock: Clock, vehicles: VehicleReader, *, answer_timeout: float, peer_send_timeout: float
    ) -> None:
        self._store = store
        self._clock = clock
        self._vehicles = vehicles
        self._answer_timeout = answer_timeout
        self._peer_send_timeout = peer_send_timeout

    async def recover(self, command: Command) -> None:
        """A read runs again; any other command is looked up at the OEM, and becomes Unknown when it is not found.

        Until then it keeps its lane slot, so no other actuating command of the vehicle is sent.
        """
        if command.spec.is_read:
            await self._store.write(partial(run_read_again, command_id=command.id))
            return
        not_before = self._clock.boottime() + self._peer_send_timeout
        if await self._looked_up(command):
            return
        given_up = after(command.send_by or 0, self._answer_timeout)
        by_wall = seconds_between(await store_now(self._store), given_up)
        await asyncio.sleep(max(0.0, by_wall, not_before - self._clock.boottime()))
        if not await self._looked_up(command):
            await self._decide(command, OemResponse(OutcomeKind.UNCLEAR))

    async def _looked_up(self, command: Command) -> bool:
        reached = await self._vehicles.reach(command.vehicle_id, command)
        if reached is None or not reached.connector.capabilities.finds_by_reference:
            return False
        answer = await reached.connector.find_by_reference(reached.target, command.name, command.id)
        return answer.kind is not OutcomeKind.NOTHING_FOUND and await self._decide(command, answer)

    async def _decide(self, command: Command, answer: OemResponse) -> bool:
        reached = await self._vehicles.reach(command.vehicle_id, command)
        if reached is None:
            return False
        decide = partial(decide_intent, intent=command, answer=answer, capabilities=reached.connector.capabilities)
        return await retry_until_available(partial(self._store.write, decide)) is not None


def decide_intent(tx: Tx, intent: Command, answer: OemResponse, capabilities: Capabilities) -> Command | None:
    """Record an answer to `intent`, unless another one was recorded meanwhile."""
    current = record.load_to_change(tx, intent.id)
    if current is None or current.state is not intent.state:
        return None
    return outcome.apply_to_sending(tx, intent, answer, capabilities)


def run_read_again(tx: Tx, command_id: str) -> None:
    """Queue a read again; it changes nothing at the vehicle."""
    command = record.load_to_change(tx, command_id)
    if command is not None and command.state is State.DISPATCHING and command.spec.is_read:
        lifecycle.move(tx, command, State.QUEUED, send_by=None, answer_deadline=None)


def mark_posts_answered(tx: Tx) -> None:
    """After a restart no POST waits for a first answer: those that did count as answered with `200 Pending`."""
    for command_id in record.unanswered_posts(tx):
        if (command := record.load_to_change(tx, command_id)) is not None:
            lifecycle.record_response(tx, command, 200)
