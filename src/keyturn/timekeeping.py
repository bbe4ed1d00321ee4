"""What time it is where the wall clock may be wrong.

The wall clock is believed for as long as it goes with the clock since boot, which nobody sets. Where it steps away from
that, the time runs on with the clock since boot, until the wall clock is right again or an operator accepts it.
"""

import math
from pathlib import Path
from typing import NamedTuple

import msgspec

from keyturn.clock import SECOND, Clock

_SLACK = 2 * SECOND
"""So far ahead of the wall clock the store's time waits for it; further ahead it runs on."""
_SAVE_THRESHOLD = SECOND // 2


class Moment(NamedTuple):
    """The instant of a transaction, as told by two clocks."""

    now: int
    """The store's time: never below what it was before."""
    wall: int
    """The machine's wall clock as it is: what clocks outside are compared with, and nothing else."""
    ahead: int = 0
    """Microseconds by which `now` runs ahead of the time that is believed to be right; mostly 0."""


class ClockState(msgspec.Struct, frozen=True):
    """What outlives a process. `wall` and `store` are microseconds over the clock since boot."""

    boot: str
    """The machine's boot that they belong to."""
    wall: int
    """The wall clock, as far as it is believed."""
    store: int
    accepted: int = 0
    """How often an operator has accepted the time."""

    @property
    def ahead(self) -> int:
        return max(0, self.store - self.wall)


class Timekeeper:
    """A `Clock` whose `now` is the wall clock where that is believed.

    A step of more than `step` seconds between two looks, either way, is a fault. One forward lasts until the wall clock
    is set right; one backward until it has reached what it showed before the step; both until the time is accepted.
    `boot` names the machine's boot, empty where nothing does.
    """

    def __init__(self, clock: Clock, step: float = math.inf, boot: str = "") -> None:
        self.boot = boot
        self._clock = clock
        self._step = step * SECOND
        self._wall = clock.now() - self._since_boot()
        self._gap = 0
        self._right_from: int | None = None
        """After a backward step: where the wall clock must come to."""
        self._newest, self._newest_at = 0, self._since_boot()
        self._accepted = 0

    def now(self) -> int:
        """The wall clock, or what it would show had nobody set it."""
        since_boot, machine = self._since_boot(), self._clock.now()
        expected = since_boot + self._wall
        gap = machine - expected
        if abs(gap) <= self._step or (self._right_from is not None and machine >= self._right_from and gap < 0):
            self._wall, self._gap, self._right_from = machine - since_boot, 0, None
            return machine
        self._gap = gap
        self._right_from = None if gap > 0 else self._right_from or expected
        return expected

    def monotonic(self) -> float:
        return self._clock.monotonic()

    def boottime(self) -> float:
        return self._clock.boottime()

    def store_now(self) -> int:
        """As `now`, never below what this has told before. Far ahead of it, it goes on with the clock since boot."""
        now, since_boot = self.now(), self._since_boot()
        ran_on = self._newest + since_boot - self._newest_at
        self._newest = ran_on if ran_on - now > _SLACK else max(now, self._newest)
        self._newest_at = since_boot
        return self._newest

    def moment(self) -> Moment:
        now, believed = self.store_now(), self._since_boot() + self._wall
        return Moment(now, self._clock.now(), now - believed if now - believed > _SLACK else 0)

    def look(self) -> bool:
        """Look at the clocks now; whether there is a fault."""
        self.now()
        return self.fault

    @property
    def fault(self) -> bool:
        """Whether the wall clock was not believed when it was last looked at."""
        return self._gap != 0

    @property
    def gap(self) -> float:
        """Seconds by which the wall clock was ahead (below 0: behind) of what is believed; 0 without a fault."""
        return self._gap / SECOND

    def raise_to(self, instant: int) -> None:
        """The store's time is not below this."""
        self._newest = max(self.store_now(), instant)

    def resume(self, kept: ClockState | None, newest: int) -> None:
        """Go on from what an earlier process kept, `newest` being the highest committed time.

        In one boot of the machine a step that was made between the two is seen as if it were made now. After another
        boot nothing tells of a step forward; a wall clock that is behind what was committed is not believed.
        """
        since_boot, ahead = self._since_boot(), kept.ahead if kept else 0
        if kept is not None:
            self._accepted = kept.accepted
            if kept.boot and kept.boot == self.boot:
                self._wall = kept.wall
                newest = max(newest, since_boot + kept.store)
        behind = newest - ahead - since_boot - self._wall
        if behind > self._step:
            self._wall += behind
        self._newest, self._newest_at = newest, since_boot

    def state(self) -> ClockState:
        """What the next process needs."""
        return ClockState(self.boot, self._wall, self.store_now() - self._newest_at, self._accepted)

    def differs_from(self, kept: ClockState | None) -> bool:
        """Whether `kept` no longer tells what is so."""
        mine = self.state()
        return (
            kept is None
            or kept.boot != mine.boot
            or max(abs(kept.wall - mine.wall), abs(kept.store - mine.store)) > _SAVE_THRESHOLD
        )

    def accepted_state(self) -> ClockState:
        """What is to be kept where an operator says that the wall clock is right as it is."""
        mine = self.state()
        return ClockState(mine.boot, self._clock.now() - self._since_boot(), mine.store, mine.accepted + 1)

    def accept(self, kept: ClockState | None) -> None:
        """Believe the wall clock that an operator has accepted, once that is committed."""
        if kept is not None and kept.boot == self.boot and kept.accepted > self._accepted:
            self._wall, self._accepted, self._gap, self._right_from = kept.wall, kept.accepted, 0, None

    def _since_boot(self) -> int:
        return round(self._clock.boottime() * SECOND)


class StoreClock:
    """The `Clock` of whoever holds the time against what the store has dated."""

    def __init__(self, time: Timekeeper) -> None:
        self.now = time.store_now
        self.monotonic = time.monotonic
        self.boottime = time.boottime


def machine_boot() -> str:
    """The kernel's name for this boot of the machine; empty where it has none."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        return ""
