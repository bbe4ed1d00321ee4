"""The machine's clocks, with the power to let time pass."""

from keyturn.clock import SystemClock, after


class TravelClock(SystemClock):
    """Moved on, it reads as after a sleep of the machine: wall clock and CLOCK_BOOTTIME jump, monotonic does not."""

    def __init__(self) -> None:
        self._slept = 0.0

    def advance(self, seconds: float) -> None:
        self._slept += seconds

    def now(self) -> int:
        return after(super().now(), self._slept)

    def boottime(self) -> float:
        return super().boottime() + self._slept
