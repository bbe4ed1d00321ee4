"""Rate limiters with bounded memory: failed attempts in a sliding minute, and token buckets."""

import math
from collections import OrderedDict, deque
from typing import TypeVar

import msgspec

from keyturn.clock import Clock

WINDOW = 60.0
"""Seconds for which a failed attempt counts."""

_V = TypeVar("_V")

CAPACITY = 10_000
"""Keys kept at one time; the least recently used one is evicted first, and tripped ones last."""


class FailedAttempts:
    """Counts failures per key; a key with `limit` of them within the last minute is tripped.

    Failures under ten thousand other keys evict counts that have not tripped, and none that has.
    """

    def __init__(self, limit: int, clock: Clock) -> None:
        self._limit = limit
        self._clock = clock
        self._counting: OrderedDict[str, deque[float]] = OrderedDict()
        self._full: OrderedDict[str, deque[float]] = OrderedDict()
        """Keys with `limit` failures, whether or not the first of them still counts."""

    def retry_after(self, *keys: str) -> int:
        """Whole seconds until no key is tripped any more; 0 where none is."""
        return max(math.ceil(self._tripped_for(key)) for key in keys)

    def record(self, *keys: str) -> None:
        """Count a failure against each key."""
        for key in keys:
            failures = self._full.pop(key, None) or self._counting.pop(key, None) or deque(maxlen=self._limit)
            failures.append(self._clock.monotonic())
            (self._full if len(failures) == self._limit else self._counting)[key] = failures
            if len(self._full) + len(self._counting) > CAPACITY:
                self._forget_one()

    def _tripped_for(self, key: str) -> float:
        failures = self._full.get(key)
        return 0.0 if failures is None else max(0.0, failures[0] + WINDOW - self._clock.monotonic())

    def _forget_one(self) -> None:
        quietest = next(iter(self._full), None)
        over = quietest is not None and self._full[quietest][-1] + WINDOW <= self._clock.monotonic()
        (self._full if over or not self._counting else self._counting).popitem(last=False)


class Throttled(msgspec.Struct, frozen=True):
    """A request that found its bucket empty."""

    retry_after: int
    """Whole seconds until there is a token."""
    repeated: bool
    """No token was taken since the bucket was last found empty."""


class _Bucket(msgspec.Struct):
    tokens: float
    filled_at: float
    found_empty: bool = False


class TokenBuckets:
    """One bucket per key, `burst` tokens deep, refilled with `rate` a second. Rate 0: no limit."""

    def __init__(self, rate: float, burst: float, clock: Clock) -> None:
        self._rate = rate
        self._burst = burst
        self._clock = clock
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def take(self, key: str) -> Throttled | None:
        """Take a token; None when there was one."""
        if self._rate <= 0:
            return None
        bucket = self._filled(key)
        if bucket.tokens >= 1:
            bucket.tokens -= 1
            bucket.found_empty = False
            return None
        held = Throttled(math.ceil((1 - bucket.tokens) / self._rate), repeated=bucket.found_empty)
        bucket.found_empty = True
        return held

    def _filled(self, key: str) -> _Bucket:
        now = self._clock.monotonic()
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = _Bucket(self._burst, now)
        bucket.tokens = min(self._burst, bucket.tokens + (now - bucket.filled_at) * self._rate)
        bucket.filled_at = now
        _touch(self._buckets, key)
        return bucket


def _touch(recent: OrderedDict[str, _V], key: str) -> None:
    recent.move_to_end(key)
    if len(recent) > CAPACITY:
        recent.popitem(last=False)
