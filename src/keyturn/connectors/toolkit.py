"""Helpers for connector authors: a deadline on two clocks, secrets masked in logs, the configured quota."""

import json
import re
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

import msgspec

from keyturn.clock import Clock, seconds_between
from keyturn.config.settings import QuotaSettings
from keyturn.connectors.port import Quota

LONGEST_ANSWER = 500
"""Characters of a response that are logged."""
MASK = "***"

_LONG = 16
"""Characters from which a secret is not part of a response by chance."""
_WINDOWS = (60.0, 3_600.0, 86_400.0)
"""Seconds of a minute, an hour and a day."""


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


def answer_start(body: bytes, secrets: Iterable[str]) -> str:
    """The start of an answer for a `LoggedRequest`: masked, printable and at most `LONGEST_ANSWER` characters long."""
    return _printable(masked(body.decode("utf-8", "replace"), secrets)[:LONGEST_ANSWER])


def masked(text: str, secrets: Iterable[str]) -> str:
    """`text` with every secret replaced where it is a whole value, also as a URL or JSON writes it; the longest first.

    A long one is replaced anywhere, also within a word.
    """
    for form in sorted({form for secret in secrets if secret for form in _forms(secret)}, key=len, reverse=True):
        text = re.sub(_pattern(form), MASK, text)
    return text


def _pattern(form: str) -> str:
    """A short secret must stand between non-letters and non-digits; a percent-encoded character counts as one."""
    literal = re.escape(form)
    return literal if len(form) >= _LONG else rf"(?:(?<!\w)|(?<=%[0-9A-Fa-f]{{2}})){literal}(?!\w)"


def _forms(secret: str) -> tuple[str, ...]:
    as_json = (json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1])
    return (secret, quote(secret, safe=""), quote(secret), quote_plus(secret), *as_json)


def _printable(text: str) -> str:
    """Databases refuse NUL, and terminals obey control characters."""
    return "".join(
        letter if letter.isprintable() or letter in "\n\t" else "\N{REPLACEMENT CHARACTER}" for letter in text
    )


def quota(settings: QuotaSettings) -> Quota | None:
    """The configured quota by windows; None where nothing is limited."""
    per_vehicle = _windows(settings.vehicle_minute, settings.vehicle_hour, settings.vehicle_day)
    per_account = _windows(settings.account_minute, settings.account_hour, settings.account_day)
    return Quota(per_vehicle, per_account, settings.reserve) if per_vehicle or per_account else None


def _windows(*calls: int | None) -> tuple[tuple[float, int], ...]:
    """By minute, hour and day."""
    return tuple((seconds, limit) for seconds, limit in zip(_WINDOWS, calls, strict=True) if limit is not None)
