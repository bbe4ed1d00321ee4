"""Has a command had its time on a clock that nobody sets?

One dead OEM holds nobody up: after failures at several vehicles in a row it is left alone for a while.
"""

from collections.abc import Mapping

import msgspec

from keyturn.clock import Clock, seconds_between
from keyturn.store.port import Store
from keyturn.timekeeping import Timekeeper

_AT_LEAST = 10_000
_REMEMBERED = 3_600.0
"""Beyond so many, budgets are dropped that were spent this many seconds ago."""


async def store_now(store: Store) -> int:
    """The instant by which the store's deadlines are made. It is never behind them, as a wall clock that was set back
    is: what is left until one of them, by this, is never more than its whole length.
    """
    return await store.read(lambda tx: tx.now)


class SendBudgets:
    """How long each command may still wait to be sent, on the monotonic clock of this process.

    A wall clock that is set back lengthens a deadline; it does not lengthen this.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._until: dict[str, float] = {}
        self._most = _AT_LEAST

    def grant(self, command_id: str, now: int, send_deadline: int) -> None:
        """Start the budget when the command is first seen; later deadlines do not change it.

        `now` is the store's instant, by which the deadline was made: it may be ahead of a wall clock that was set back.
        """
        if len(self._until) > self._most:
            self._forget_old()
        if command_id not in self._until:
            self._until[command_id] = self._clock.monotonic() + seconds_between(now, send_deadline)

    def left(self, command_id: str) -> float:
        """Seconds; infinite for a command without a budget."""
        return self._until.get(command_id, float("inf")) - self._clock.monotonic()

    def spent(self, command_id: str) -> bool:
        return self.left(command_id) <= 0

    def forget(self, command_id: str) -> None:
        """The command was sent or has ended."""
        self._until.pop(command_id, None)

    def _forget_old(self) -> None:
        """Commands that ended unsent leave their budgets behind for a while."""
        before = self._clock.monotonic() - _REMEMBERED
        self._until = {command_id: until for command_id, until in self._until.items() if until > before}
        self._most = max(_AT_LEAST, 2 * len(self._until))


class SendGuards(msgspec.Struct, frozen=True):
    """What may keep a command from being sent now."""

    watch: Timekeeper
    budgets: SendBudgets
    breakers: Mapping[str, Breaker]
    """By connector."""


class Breaker:
    """Opens after uninterrupted failures at `vehicles` different vehicles, for `pause` seconds; then one call tries.

    One faulty vehicle does not open it, and restoring commands are tried through it.
    """

    def __init__(self, clock: Clock, vehicles: int, pause: float) -> None:
        self._clock = clock
        self._vehicles = vehicles
        self._pause = pause
        self._failing: set[str] = set()
        self._open_until: float | None = None

    def closed_in(self) -> float:
        """Seconds until a call may be tried; 0: now. Whoever is told 0 after a pause is the one that tries."""
        if self._open_until is None:
            return 0.0
        left = self._open_until - self._clock.monotonic()
        if left <= 0:
            self._open_until = self._clock.monotonic() + self._pause
            return 0.0
        return left

    def note(self, vehicle_id: str, *, failed: bool) -> None:
        """How a call to the OEM ended."""
        if not failed:
            self._failing.clear()
            self._open_until = None
            return
        self._failing.add(vehicle_id)
        if len(self._failing) >= self._vehicles:
            self._open_until = self._clock.monotonic() + self._pause

    @property
    def is_open(self) -> bool:
        return self._open_until is not None
