"""Time. One clock is made by the composition root and handed to whoever needs it.

An instant is an ``int``: microseconds since the Unix epoch, UTC. A duration in configuration is a ``float``: seconds.
"""

import time
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from typing import Protocol

SECOND = 1_000_000
"""Microseconds in a second."""

CONTRACT_ZONE = timezone(timedelta(hours=-3))
"""The fixed offset of every time on the frozen surface (UTC-3, no daylight saving)."""


class Clock(Protocol):
    """Where the time comes from. ``sleep`` is the event loop's affair, so that a simulated loop can bend both."""

    def now(self) -> int:
        """Wall clock, as an instant."""
        ...

    def monotonic(self) -> float:
        """Seconds that never run backwards; they may stop while the machine sleeps."""
        ...

    def boottime(self) -> float:
        """Seconds since boot, the machine's sleep included (CLOCK_BOOTTIME)."""
        ...


class SystemClock:
    """The machine's own clocks."""

    def now(self) -> int:
        return time.time_ns() // 1000

    def monotonic(self) -> float:
        return time.monotonic()

    def boottime(self) -> float:
        return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


_INSTANTS = range(10**15, 10**17)
"""From the year 2001 to 5138."""


def after(instant: int, seconds: float) -> int:
    """The instant that lies `seconds` after `instant`."""
    return instant + round(seconds * SECOND)


def seconds_between(earlier: int, later: int) -> float:
    """Seconds from `earlier` to `later`; negative when they are the other way round."""
    return (later - earlier) / SECOND


def contract_time(instant: int) -> str:
    """``YYYY-MM-DD HH:MM:SS`` in UTC-3, as the seeds print every time."""
    return _contract_second(instant // SECOND)


@lru_cache(maxsize=1024)
def _contract_second(second: int) -> str:
    """Formatting takes longer than any other step of an answer, and answers of one second share it."""
    return datetime.fromtimestamp(second, CONTRACT_ZONE).strftime("%Y-%m-%d %H:%M:%S")


def iso_time(instant: int) -> str:
    """RFC 3339 in UTC with microseconds."""
    return (datetime.fromtimestamp(instant // SECOND, UTC) + timedelta(microseconds=instant % SECOND)).isoformat(
        timespec="microseconds"
    )


def readable_instant(value: object) -> object:
    """An instant as `iso_time` writes it; anything else as it is.

    Whole numbers from 10^15 on in what is told are instants: nothing else that is counted grows so large.
    """
    return iso_time(value) if isinstance(value, int) and value in _INSTANTS else value


def iso_time_or_none(instant: int | None) -> str | None:
    """As `iso_time`, of an instant that may be missing."""
    return None if instant is None else iso_time(instant)
