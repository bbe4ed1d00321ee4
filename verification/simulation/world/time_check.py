"""Compares the product's time with the true one, whenever it is read."""

from collections.abc import Callable
from random import Random
from typing import NamedTuple

from keyturn.clock import SECOND
from keyturn.timekeeping import Timekeeper
from verification.simulation.world.clock import VirtualClock

STEP = 2.0
"""Seconds by which the wall clock may be set without being doubted."""
BOOT = "the only one"
JUMP = 6 * 3_600.0
"""Longer than anything is open, and shorter than what is used up is remembered."""
JUMPS, JUMPS_WHILE_DOWN, SET_RIGHT, ACCEPTED = (
    "clock jumps ahead",
    "clock jumps ahead while down",
    "clock set right",
    "time accepted",
)
_CLOCK_EVENTS = (JUMPS, JUMPS, JUMPS_WHILE_DOWN, JUMPS_WHILE_DOWN, SET_RIGHT, ACCEPTED)
_ROUNDING = 10
_RESUMED = SECOND
"""What a process that starts does not know of the one before it: less than this is not worth a commit."""
Complain = Callable[[tuple[str, str]], None]


class Reading(NamedTuple):
    """What the store's time was, and the clock since boot with it."""

    store: int
    since_boot: float


class TimeCheck:
    """What the time may be: `leeway` microseconds ahead of the true one, and never slower than the clock since boot.

    Over a restart it is never slower than from the last durable commit, and from a stop in good order.
    """

    def __init__(self, clock: VirtualClock, complain: Complain) -> None:
        self._clock = clock
        self._complain = complain
        self.leeway = _RESUMED
        self.accepting = False
        """An operator confirms, now or soon, that the wall clock is right."""
        self.last = Reading(0, 0.0)
        self._durable = self.last
        self._recent: dict[int, float] = {}
        """Clock since boot by the store's time, of what was read since the last commit."""

    def restarted(self) -> None:
        """Another process reads the time: of the one before it, it knows what was durable."""
        self.last = self._durable
        self._recent.clear()

    def committed(self, store: int) -> None:
        """A commit with an entry of this time is durable."""
        if store in self._recent:
            self._durable = Reading(store, self._recent[store])
            self._recent = {at: since_boot for at, since_boot in self._recent.items() if at > store}

    def stopped(self) -> None:
        """In good order: the process has kept its time as it was last read."""
        self._durable = self.last

    def allow(self, seconds: float) -> None:
        """The wall clock is within so little of where it was."""
        self.leeway += round(max(0.0, seconds) * SECOND)

    def believed(self, back: int) -> None:
        """The wall clock was set back by so few microseconds that it is believed: the time stands still for as long."""
        self.last = self.last._replace(since_boot=self.last.since_boot + back / SECOND)
        self._durable = self._durable._replace(since_boot=self._durable.since_boot + back / SECOND)

    def check(self, store: int) -> None:
        """Compare a time of the store with the true one."""
        since_boot = self._clock.boottime()
        ahead = store - self._clock.true()
        if self.accepting:
            self.leeway = max(self.leeway, round((self._clock.stepped + STEP) * SECOND))
        if ahead > self.leeway:
            self._complain(("the time is right", f"the store is {ahead / SECOND:g} s ahead"))
            self.leeway = ahead  # once is enough
        passed = (since_boot - self.last.since_boot) * SECOND
        far_ahead = self.last.store - self._clock.now() > 2 * STEP * SECOND
        if far_ahead and self.last.store + passed - store > _RESUMED + _ROUNDING:
            self._complain(
                ("the time is right", f"{passed / SECOND:g} s were {(store - self.last.store) / SECOND:g} s")
            )
        self.last = Reading(store, since_boot)
        self._recent[store] = since_boot


class CheckedTimekeeper(Timekeeper):
    """A node's `Timekeeper`; each of its times is checked."""

    def __init__(self, clock: VirtualClock, check: TimeCheck) -> None:
        super().__init__(clock, STEP, BOOT)
        self._check = check
        check.restarted()

    def now(self) -> int:
        before = self._wall
        now = super().now()
        if self._wall < before:
            self._check.believed(before - self._wall)
        return now

    def store_now(self) -> int:
        now = super().store_now()
        self._check.check(now)
        return now


def draw_jumps(seed: int) -> list[tuple[str, float]]:
    """What happens to the clock in one of six scenarios beside small steps, and how long after its begin (0 to 1)."""
    chance = Random(f"clock {seed}")
    if chance.random() >= 1 / 6:
        return []
    return [(chance.choice(_CLOCK_EVENTS), chance.random()) for _ in range(chance.randint(1, 3))]
