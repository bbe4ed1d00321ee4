"""A deadline on two clocks, for connectors: what is sent late by either must not leave."""

import msgspec

from keyturn.clock import Clock, seconds_between


class Deadline(msgspec.Struct, frozen=True):
    """A moment on two clocks; it has passed when it has passed on either."""

    clock: Clock
    boottime: float
    """On CLOCK_BOOTTIME."""
    wall: int | None = None

    def left(self) -> float:
        """Seconds until then; 0 once it has passed."""
        by_boottime = self.boottime - self.clock.boottime()
        by_wall = by_boottime if self.wall is None else seconds_between(self.clock.now(), self.wall)
        return max(0.0, min(by_boottime, by_wall))

    def passed(self) -> bool:
        by_wall = self.wall is not None and self.clock.now() > self.wall
        return by_wall or self.clock.boottime() > self.boottime
