"""Clocks and instants. The composition root creates one clock and passes it to everything that needs the time.

An instant is an ``int``: microseconds since the Unix epoch, UTC. A duration in configuration is a ``float``: seconds.
"""

import time
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from typing import Protocol

SECOND = 1_000_000
"""Microseconds in a second."""

CONTRACT_ZONE = timezone(timedelta(hours=-3))
"""The time zone of every time in the API contract: UTC-3, without daylight saving time (docs/api.md)."""


class Clock(Protocol):
    """A source of time. It has no ``sleep``: that is the event loop's, so that a simulated loop can control both."""

    def now(self) -> int:
        """The wall clock as an instant."""
        ...

    def monotonic(self) -> float:
        """Seconds that never run backwards; the clock may stop while the machine sleeps."""
        ...

    def boottime(self) -> float:
        """Seconds since boot, including the machine's sleep (CLOCK_BOOTTIME)."""
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
    """The instant `seconds` after `instant`."""
    return instant + round(seconds * SECOND)


def seconds_between(earlier: int, later: int) -> float:
    """Seconds from `earlier` to `later`; negative if `later` is earlier."""
    return (later - earlier) / SECOND


def contract_time(instant: int) -> str:
    """``YYYY-MM-DD HH:MM:SS`` in UTC-3, the format of times in the API contract (docs/api.md)."""
    return _contract_second(instant // SECOND)


@lru_cache(maxsize=1024)
def _contract_second(second: int) -> str:
    """Cached, because formatting is the slowest step of a response, and responses within one second share it."""
    return datetime.fromtimestamp(second, CONTRACT_ZONE).strftime("%Y-%m-%d %H:%M:%S")


def iso_time(instant: int) -> str:
    """RFC 3339 in UTC with microseconds."""
    return (datetime.fromtimestamp(instant // SECOND, UTC) + timedelta(microseconds=instant % SECOND)).isoformat(
        timespec="microseconds"
    )


def readable_instant(value: object) -> object:
    """An instant as `iso_time` formats it; any other value unchanged.

    An integer from 10^15 on in the body of an audit entry is an instant: no counter grows so large.
    """
    return iso_time(value) if isinstance(value, int) and value in _INSTANTS else value


def iso_time_or_none(instant: int | None) -> str | None:
    """As `iso_time`, for an instant that may be missing."""
    return None if instant is None else iso_time(instant)
