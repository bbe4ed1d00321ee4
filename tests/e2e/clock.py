"""The machine's clocks, with the power to let time pass."""

from keyturn.clock import SystemClock, after


class TravelClock(SystemClock):
    """Moved on, it reads as after a sleep of the machine: wall clock and CLOCK_BOOTTIME jump, monotonic does not."""

    _start = 0.0
    """Seconds by which the wall clock is wrong from the beginning."""

    def __init__(self) -> None:
        self._slept = 0.0
        self._set = self._start

    def advance(self, seconds: float) -> None:
        self._slept += seconds

    def set_wall(self, by: float) -> None:
        """Somebody sets the wall clock, and nothing else."""
        self._set += by

    def now(self) -> int:
        return after(super().now(), self._slept + self._set)

    def boottime(self) -> float:
        return super().boottime() + self._slept
