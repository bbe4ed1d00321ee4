"""The simulator's clock, and conversions of instants: microseconds since the Unix epoch."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

SECOND = 1_000_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def micros(seconds: float) -> int:
    """Seconds as whole microseconds."""
    return round(seconds * SECOND)


def instant(moment: datetime) -> int:
    """An aware datetime as microseconds since the Unix epoch."""
    return (moment - EPOCH) // timedelta(microseconds=1)


def rfc3339(at: int) -> str:
    """Microseconds since the Unix epoch as RFC 3339 in UTC, with microseconds."""
    moment = EPOCH + timedelta(microseconds=at)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


class SimulatorClock:
    """A clock that can be advanced and never runs back: the machine's time plus `offset` (microseconds)."""

    def __init__(self, source: Callable[[], int] = lambda: time.time_ns() // 1_000) -> None:
        self._source = source
        self._latest = 0
        self.offset = 0

    @classmethod
    def manual(cls, at: int) -> "SimulatorClock":
        """A clock that stays at `at` until it is advanced."""
        return cls(lambda: at)

    def now(self) -> int:
        self._latest = max(self._latest, self._source() + self.offset)
        return self._latest

    def advance(self, seconds: float) -> None:
        self.offset += micros(seconds)
