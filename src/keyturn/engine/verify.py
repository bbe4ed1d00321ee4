"""Verifies Executed commands: reads the vehicle until a reading newer than the completion agrees."""

import asyncio
from functools import partial

import msgspec

from keyturn.clock import Clock, after
from keyturn.commands.model import lifecycle, record
from keyturn.commands.model.record import Command
from keyturn.commands.model.states import State
from keyturn.commands.preconditions.context import reported_since
from keyturn.engine.vehicle_reader import VehicleReader
from keyturn.fleet import evidence
from keyturn.store.background import retry_until_available
from keyturn.store.port import Store, Tx

_PAUSES = (0.0, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0, 120.0)
"""Seconds before each reading; the last one repeats."""


class Verifier:
    """Compares the vehicle's reported state with what the command set, for `verify_for` seconds."""

    def __init__(self, store: Store, clock: Clock, vehicles: VehicleReader, verify_for: float) -> None:
        self._store = store
        self._clock = clock
        self._vehicles = vehicles
        self._verify_for = verify_for

    async def verify(self, command: Command) -> None:
        """Read until the command is Verified, `verify_for` has passed, or a later command changed the same signal."""
        reached = await self._vehicles.reach(command.vehicle_id)
        possible = reached is not None and reached.connector.capabilities.reads_state
        until = after(command.updated_at, self._verify_for)
        attempt = 0
        while possible and self._clock.now() < until:
            await asyncio.sleep(_PAUSES[min(attempt, len(_PAUSES) - 1)])
            await self._vehicles.read(command.vehicle_id)
            if await retry_until_available(partial(self._store.write, partial(compare, command_id=command.id))):
                return
            attempt += 1
        await retry_until_available(partial(self._store.write, partial(give_up, command_id=command.id)))


def compare(tx: Tx, command_id: str) -> bool:
    """Compare the newest evidence with an executed command. True: there is nothing left to verify."""
    command = record.load_to_change(tx, command_id)
    if command is None or command.state is not State.EXECUTED or command.spec.verified_by is None:
        return True
    known = evidence.load(tx, command.vehicle_id)
    completed_at = command.completed_at or 0
    if known.expected.changed_at.get(command.spec.verified_by.signal, 0) > completed_at:
        lifecycle.close(tx, command_id)
        return True
    signal = reported_since(known, command.spec.verified_by, newer_than=completed_at)
    if signal is None:
        return False
    if signal.value == command.spec.verified_by.value:
        return lifecycle.move(tx, command, State.VERIFIED, verification="verified") is not None
    if command.verification is None:
        lifecycle.record_note(tx, command, "contradicted", verification="contradicted")
    return False


def give_up(tx: Tx, command_id: str) -> None:
    """No reading agreed in time."""
    command = record.load_to_change(tx, command_id)
    lifecycle.close(tx, command_id)
    if command is not None and command.state is State.EXECUTED and command.verification is None:
        unread = evidence.load(tx, command.vehicle_id).report.unread
        extra: dict[str, object] = {"verification": "not_possible"}
        if unread is not None and unread.at >= (command.completed_at or 0):
            extra["exchange"] = msgspec.to_builtins(unread.exchange)
        lifecycle.record_note(tx, command, "unverified", extra, verification="not_possible")
