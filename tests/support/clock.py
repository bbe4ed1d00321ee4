"""Time in tests: two clocks that a test moves by hand, and waiting for what no event announces."""

import asyncio
from collections.abc import Callable
from inspect import isawaitable
from typing import Any

from keyturn.clock import SECOND, SystemClock, after

START = 1_700_000_000 * SECOND
"""Default start of a manual clock: an instant of November 2023."""


class ManualClock:
    """Implements `keyturn.clock.Clock`; its three readings change only when a test moves them.

    The offsets are in seconds and may be assigned; the methods move them as a machine would.
    """

    def __init__(self, start: int = START, *, uptime: float = 0.0) -> None:
        self._start = start
        self._uptime = uptime
        self.wall_ahead = 0.0
        self.monotonic_ahead = 0.0
        self.boot_ahead = 0.0

    def advance(self, seconds: float) -> None:
        """Let time pass: all three clocks move."""
        self.monotonic_ahead += seconds
        self.suspend(seconds)

    def suspend(self, seconds: float) -> None:
        """The machine sleeps: the wall clock and CLOCK_BOOTTIME move, the monotonic clock does not."""
        self.wall_ahead += seconds
        self.boot_ahead += seconds

    def set_wall(self, by: float) -> None:
        """Sets the wall clock by `by` seconds, and nothing else."""
        self.wall_ahead += by

    def set_now(self, instant: int) -> None:
        """Sets the wall clock to `instant`, and nothing else."""
        self.set_wall((instant - self.now()) / SECOND)

    def now(self) -> int:
        return after(self._start, self.wall_ahead)

    def monotonic(self) -> float:
        return self._uptime + self.monotonic_ahead

    def boottime(self) -> float:
        return self._uptime + self.boot_ahead


class RunningClock(ManualClock):
    """A manual clock that runs: the offsets come on top of the machine's own clocks."""

    def __init__(self) -> None:
        super().__init__()
        self._machine = SystemClock()

    def now(self) -> int:
        return after(self._machine.now(), self.wall_ahead)

    def monotonic(self) -> float:
        return self._machine.monotonic() + self.monotonic_ahead

    def boottime(self) -> float:
        return self._machine.boottime() + self.boot_ahead


async def eventually(check: Callable[[], Any], within: float = 20.0, pause: float = 0.01) -> Any:
    """Ask `check` every `pause` seconds until what it gives, or resolves to, is true; that value.

    Raises TimeoutError after `within` seconds.
    """
    async with asyncio.timeout(within):
        while True:
            found = check()
            if found := await found if isawaitable(found) else found:
                return found
            await asyncio.sleep(pause)
