"""From Executed to Verified: does a reading newer than the completion agree?"""

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
    """Compares what the vehicle says after a command with what the command wanted, for `verify_for` seconds."""

    def __init__(self, store: Store, clock: Clock, vehicles: VehicleReader, verify_for: float) -> None:
        self._store = store
        self._clock = clock
        self._vehicles = vehicles
        self._verify_for = verify_for

    async def verify(self, command: Command) -> None:
        """Until the command is Verified, or its time is over, or a later command changed the same signal."""
        reached = await self._vehicles.reach(command.vehicle_id)
        possible = reached is not None and reached[2].capabilities.reads_state
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
    """Hold the newest evidence against an executed command. True: there is nothing left to verify."""
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
        told: dict[str, object] = {"verification": "not_possible"}
        if unread is not None and unread.at >= (command.completed_at or 0):
            told["exchange"] = msgspec.to_builtins(unread.exchange)
        lifecycle.record_note(tx, command, "unverified", told, verification="not_possible")
