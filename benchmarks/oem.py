"""A connector without an OEM: answers at once, in process."""

import asyncio
import time

from msgspec import structs

from keyturn.clock import Clock
from keyturn.commands.model.catalogue import COMMANDS
from keyturn.connectors.port import Capabilities, Inbox, OutboundCommand, Target
from keyturn.connectors.responses import (
    OemResponse,
    Operation,
    OutcomeKind,
    SignalReading,
    StateReadResult,
    StateReport,
)

_PARKED: dict[str, bool | float | str] = {
    "speed": 0.0,
    "system_power_mode": "off",
    "ignition_status": "ignition off",
    "doors_locked": True,
}
FOLLOW_FLOOR = 3600.0
"""Seconds before an operation is asked about: longer than any measurement."""


class InstantOem:
    """The connector port without a wire: every command succeeds. `called` is set by a call, `called_at` is its time."""

    def __init__(self, initiate_wait: float) -> None:
        self.capabilities = Capabilities(
            offers=frozenset(COMMANDS),
            enforces_preconditions=True,
            initiate_wait=initiate_wait,
            follow_floor=FOLLOW_FLOOR,
        )
        self.called = asyncio.Event()
        self.called_at = 0.0

    async def start(self, _inbox: Inbox) -> None:
        """It never pushes anything."""

    async def send(self, _order: OutboundCommand) -> OemResponse:
        self.called_at = time.perf_counter()
        self.called.set()
        return OemResponse(OutcomeKind.SUCCEEDED)

    async def get_status(self, _target: Target, _name: str, _operation: Operation) -> OemResponse:
        return OemResponse(OutcomeKind.IN_PROGRESS)

    async def find_by_reference(self, _target: Target, _name: str, _command_id: str) -> OemResponse:
        return OemResponse(OutcomeKind.NOTHING_FOUND)

    async def cancel(self, _target: Target, _operation: Operation) -> OemResponse:
        return OemResponse(OutcomeKind.NOTHING_FOUND)

    async def read_state(self, _target: Target) -> StateReadResult:
        return StateReadResult()

    async def close(self) -> None:
        """Nothing is open."""


class ReadingOem(InstantOem):
    """As `InstantOem`, and reads the vehicle's state: parked, its doors as the last command left them."""

    def __init__(self, initiate_wait: float, clock: Clock) -> None:
        super().__init__(initiate_wait)
        self.capabilities = structs.replace(self.capabilities, reads_state=True)
        self.reads = 0
        self._clock = clock

    async def read_state(self, _target: Target) -> StateReadResult:
        self.reads += 1
        now = self._clock.now()
        readings = {name: SignalReading(value, now, now) for name, value in _PARKED.items()}
        return StateReadResult(StateReport(readings, reachable=True, last_contact=now))
