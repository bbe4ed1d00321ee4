"""A clock that detects steps of the wall clock.

The wall clock is trusted while it advances like the clock since boot, which cannot be set. After a step, the time
continues with the clock since boot, until the wall clock is correct again or an operator accepts it.
"""

import math
from pathlib import Path
from typing import NamedTuple

import msgspec

from keyturn.clock import SECOND, Clock

_SLACK = 2 * SECOND
"""Up to this lead in microseconds, the store's time waits for the wall clock; with a larger lead it runs on."""
_SAVE_THRESHOLD = SECOND // 2
"""Difference in microseconds from which a changed state is saved."""


class Moment(NamedTuple):
    """The instant of a transaction by two clocks."""

    now: int
    """The store's time, which never runs backwards."""
    wall: int
    """The machine's wall clock, only for comparison with times from other systems."""
    ahead: int = 0
    """Microseconds by which `now` is ahead of the trusted time; usually 0."""


class ClockState(msgspec.Struct, frozen=True):
    """The state that outlives a process; `wall` and `store`: microseconds over the clock since boot."""

    boot: str
    """Id of the machine's boot to which the offsets belong."""
    wall: int
    """Offset of the trusted wall clock."""
    store: int
    """Offset of the store's time."""
    accepted: int = 0
    """Number of times that an operator has accepted the wall clock."""

    @property
    def ahead(self) -> int:
        return max(0, self.store - self.wall)


class Timekeeper:
    """A `Clock` whose `now` is the wall clock while that is trusted.

    A step of more than `step` seconds between two reads, in either direction, is a fault. A step forward lasts until
    the wall clock is corrected, a step backward until the wall clock has reached its value before the step; both end
    when the time is accepted. `boot`: id of the machine's boot; empty: unknown.
    """

    def __init__(self, clock: Clock, step: float = math.inf, boot: str = "") -> None:
        self.boot = boot
        self._clock = clock
        self._step = step * SECOND
        self._wall = clock.now() - self._since_boot()
        self._gap = 0
        self._trusted_from: int | None = None
        """After a backward step: the instant from which the wall clock is trusted again."""
        self._newest, self._newest_at = 0, self._since_boot()
        self._accepted = 0
        self._saved: ClockState | None = None

    def now(self) -> int:
        """The wall clock, or what it would show without the step."""
        since_boot, machine = self._since_boot(), self._clock.now()
        expected = since_boot + self._wall
        gap = machine - expected
        if abs(gap) <= self._step or (self._trusted_from is not None and machine >= self._trusted_from and gap < 0):
            self._wall, self._gap, self._trusted_from = machine - since_boot, 0, None
            return machine
        self._gap = gap
        self._trusted_from = None if gap > 0 else self._trusted_from or expected
        return expected

    def monotonic(self) -> float:
        return self._clock.monotonic()

    def boottime(self) -> float:
        return self._clock.boottime()

    def store_now(self) -> int:
        """As `now`, but never below an earlier result. Far ahead of `now`, it advances with the clock since boot."""
        now, since_boot = self.now(), self._since_boot()
        ran_on = self._newest + since_boot - self._newest_at
        self._newest = ran_on if ran_on - now > _SLACK else max(now, self._newest)
        self._newest_at = since_boot
        return self._newest

    def moment(self) -> Moment:
        now, trusted = self.store_now(), self._since_boot() + self._wall
        return Moment(now, self._clock.now(), now - trusted if now - trusted > _SLACK else 0)

    def check(self) -> bool:
        """Read the clocks; returns whether there is a fault."""
        self.now()
        return self.fault

    @property
    def fault(self) -> bool:
        """Whether the wall clock was not trusted when it was last read."""
        return self._gap != 0

    @property
    def gap(self) -> float:
        """Seconds by which the wall clock is ahead (negative: behind) of the trusted time; 0 without a fault."""
        return self._gap / SECOND

    def raise_to(self, instant: int) -> None:
        """Raise the store's time to at least this instant."""
        self._newest = max(self.store_now(), instant)

    def resume(self, stored: ClockState | None, newest: int) -> None:
        """Resume from the stored state `stored`; `newest`: the highest committed time.

        Within one boot of the machine, a step between the two processes is detected as if it happened now. After a
        reboot a step forward cannot be detected; a wall clock behind the highest committed time is not trusted.
        """
        since_boot, ahead = self._since_boot(), stored.ahead if stored else 0
        if stored is not None:
            self._accepted = stored.accepted
            if stored.boot and stored.boot == self.boot:
                self._wall = stored.wall
                self._saved = stored
                newest = max(newest, since_boot + stored.store)
        behind = newest - ahead - since_boot - self._wall
        if behind > self._step:
            self._wall += behind
        self._newest, self._newest_at = newest, since_boot

    def state(self) -> ClockState:
        """The present state, for the next process."""
        return ClockState(self.boot, self._wall, self.store_now() - self._newest_at, self._accepted)

    def differs_from(self, stored: ClockState | None) -> bool:
        """Whether `stored` differs from the present state so much that it should be saved."""
        current = self.state()
        return (
            stored is None
            or stored.boot != current.boot
            or max(abs(stored.wall - current.wall), abs(stored.store - current.store)) > _SAVE_THRESHOLD
        )

    def unsaved(self) -> ClockState | None:
        """The state at the last read of the time, if the next commit should save it; None without a boot's id.

        Otherwise a process that dies soon after a small step would leave a time that the next one does not know.
        """
        saved, store = self._saved, self._newest - self._newest_at
        known = saved and max(abs(saved.wall - self._wall), abs(saved.store - store)) <= _SAVE_THRESHOLD
        return None if known or not self.boot else ClockState(self.boot, self._wall, store, self._accepted)

    def saved(self, state: ClockState) -> None:
        """The state that `unsaved` gave is durable."""
        self._saved = state

    def accepted_state(self) -> ClockState:
        """The state to store when an operator accepts the present wall clock."""
        current = self.state()
        return ClockState(current.boot, self._clock.now() - self._since_boot(), current.store, current.accepted + 1)

    def accept(self, stored: ClockState | None) -> None:
        """Trust the wall clock that an operator has accepted, once that is committed."""
        if stored is not None and stored.boot == self.boot and stored.accepted > self._accepted:
            self._wall, self._accepted, self._gap, self._trusted_from = stored.wall, stored.accepted, 0, None

    def _since_boot(self) -> int:
        return round(self._clock.boottime() * SECOND)


class StoreClock:
    """A `Clock` with the store's time, for comparison with instants from the store."""

    def __init__(self, time: Timekeeper) -> None:
        self.now = time.store_now
        self.monotonic = time.monotonic
        self.boottime = time.boottime


def machine_boot() -> str:
    """The kernel's id of this boot of the machine; empty if there is none."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        return ""
