"""What keeps a command from being sent now: a clock that was set, a send budget that is spent, an open breaker."""

from collections.abc import Mapping

import msgspec

from keyturn.clock import Clock, seconds_between
from keyturn.store.port import Store
from keyturn.timekeeping import Timekeeper

_MAX_BUDGETS = 10_000
_KEPT_FOR = 3_600.0
"""Beyond that number, budgets are dropped that were spent so many seconds ago."""


async def store_now(store: Store) -> int:
    """The store's time, by which deadlines are made. It is never behind them, as a wall clock that was set back is: the
    time left until a deadline, by this clock, is never more than its whole length.
    """
    return await store.read(lambda tx: tx.now)


class SendBudgets:
    """How long each command may still wait to be sent, on the monotonic clock of this process.

    A wall clock that is set back lengthens a deadline; it does not lengthen this.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._until: dict[str, float] = {}
        self._max = _MAX_BUDGETS

    def grant(self, command_id: str, now: int, send_deadline: int) -> None:
        """Start the budget when the command is first seen; later deadlines do not change it.

        `now` is the store's instant, by which the deadline was made: it may be ahead of a wall clock that was set back.
        """
        if len(self._until) > self._max:
            self._drop_old()
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

    def _drop_old(self) -> None:
        """A command that ended unsent keeps its budget; those of an hour ago are of no use."""
        before = self._clock.monotonic() - _KEPT_FOR
        self._until = {command_id: until for command_id, until in self._until.items() if until > before}
        self._max = max(_MAX_BUDGETS, 2 * len(self._until))


class Breaker:
    """Circuit breaker of a connector: opens for `pause` seconds after uninterrupted failures at `vehicles` different
    vehicles; then one call probes (half-open).

    One faulty vehicle does not open it, and restoring commands are sent through an open one.
    """

    def __init__(self, clock: Clock, vehicles: int, pause: float) -> None:
        self._clock = clock
        self._vehicles = vehicles
        self._pause = pause
        self._failing: set[str] = set()
        self._open_until: float | None = None

    def closed_in(self) -> float:
        """Seconds until a call may be tried; 0: now. After a pause only the first caller gets 0: its call probes."""
        if self._open_until is None:
            return 0.0
        left = self._open_until - self._clock.monotonic()
        if left <= 0:
            self._open_until = self._clock.monotonic() + self._pause
            return 0.0
        return left

    @property
    def closed(self) -> bool:
        """Whether calls go through; asking begins no probe."""
        return self._open_until is None

    def note(self, vehicle_id: str, *, failed: bool) -> None:
        """Record how a call to the OEM ended."""
        if not failed:
            self._failing.clear()
            self._open_until = None
            return
        self._failing.add(vehicle_id)
        if len(self._failing) >= self._vehicles:
            self._open_until = self._clock.monotonic() + self._pause


class SendGuards(msgspec.Struct, frozen=True):
    """The guards that a `Dispatcher` asks before it sends."""

    time: Timekeeper
    """Says whether the wall clock was set."""
    budgets: SendBudgets
    breakers: Mapping[str, Breaker]
    """By connector."""
