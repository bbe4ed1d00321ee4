"""The clocks of one machine in virtual time, and the true time, which is never stepped."""

from collections.abc import Callable

from keyturn.clock import SECOND

START = 1_700_000_000 * SECOND
"""The instant at which every scenario begins."""


class VirtualClock:
    """The port's `Clock`. `time` gives the loop's seconds."""

    def __init__(self, time: Callable[[], float]) -> None:
        self._time = time
        self._stepped = 0.0
        self._slept = 0.0

    def true(self) -> int:
        """The instant as the rest of the world knows it."""
        return START + round((self._time() + self._slept) * SECOND)

    def now(self) -> int:
        return START + round((self._time() + self._slept + self._stepped) * SECOND)

    def monotonic(self) -> float:
        return self._time()

    def boottime(self) -> float:
        return self._time() + self._slept

    def step(self, seconds: float) -> None:
        """The wall clock is set."""
        self._stepped += seconds

    @property
    def stepped(self) -> float:
        """Seconds by which the wall clock is ahead of the true time; below 0: behind."""
        return self._stepped

    def set_right(self) -> None:
        """The wall clock is set to the true time."""
        self._stepped = 0.0

    def catch_up(self) -> None:
        """A wall clock that is behind is set right: an OEM that honours expiry would take every order for old."""
        self._stepped = max(0.0, self._stepped)

    def sleep(self, seconds: float) -> None:
        """The machine was suspended: its monotonic clock stopped meanwhile."""
        self._slept += seconds
