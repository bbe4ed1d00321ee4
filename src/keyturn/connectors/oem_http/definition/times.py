"""Parses an OEM's times to instants. What the definition says comes before any default. Pure."""

import math
import re
from collections.abc import Callable
from datetime import UTC, datetime, tzinfo
from typing import Any, Literal, NamedTuple

from keyturn.clock import SECOND
from keyturn.connectors.oem_http.definition.document import DefinitionError, Table, typed
from keyturn.connectors.oem_http.definition.queries import NO_VALUES, NamedQuery, Query, Values, parse_zone

LATEST = 253_402_300_799 * SECOND
"""The last second of the year 9999."""
NOT_UNDERSTOOD = "its time is not understood"

_EPOCH_UNITS = {"s": SECOND, "ms": SECOND // 1000, "us": 1}
_Z_IS_A_LETTER = re.compile(r"(?<!%)Z$")
"""Such a Z in a pattern does not mean UTC, also in a time that the pattern does not quite fit."""
_DOTNET = re.compile(r"/?Date\((-?\d{1,18})(?:[+-]\d{4})?\)/?")
"""Always milliseconds of UTC; the offset is for display only."""


class Times(Table, frozen=True, kw_only=True):
    """[times]: the format of the OEM's times; epoch numbers, /Date(ms)/ and RFC 3339 are parsed without it."""

    zone: tzinfo | None = None
    epoch: Literal["s", "ms", "us"] | None = None
    """None: seconds."""
    pattern: str | None = None
    """strptime's."""

    def __post_init__(self) -> None:
        if self.pattern:
            datetime.strptime(datetime(2024, 5, 1, 7).strftime(self.pattern), self.pattern)

    def below(self, general: "Times") -> "Times":
        """These, completed by the general ones; an own pattern or epoch replaces both general ones."""
        own = self if self.pattern or self.epoch else general
        return Times(zone=self.zone or general.zone, epoch=own.epoch, pattern=own.pattern)


class Moment(NamedTuple):
    """An instant, or why a given time is not understood; neither where the source gives no time."""

    at: int | None = None
    failure: str = ""


class TimeQuery:
    """Where a time is, and its format where that differs from [times].

    In a definition: an expression, or a table of `value` and any of `zone`, `pattern`, `epoch`.
    """

    __slots__ = ("query", "times")

    def __init__(self, query: Query, times: Times) -> None:
        self.query = query
        self.times = times

    @property
    def names(self) -> frozenset[str]:
        """Its placeholders."""
        return self.query.names

    def of(self, document: object, general: Times, values: Values = NO_VALUES) -> Moment:
        return moment(self.query.of(document, values), self.times.below(general))


class NamedTimeQuery:
    """As `TimeQuery`, where ``{name}`` stands for the name of a signal."""

    __slots__ = ("query", "times")

    def __init__(self, described: object) -> None:
        table = _described(described)
        self.query = table.value
        self.times = Times(zone=table.zone, epoch=table.epoch, pattern=table.pattern)

    @property
    def names(self) -> frozenset[str]:
        """Its placeholders, besides ``{name}``."""
        return self.query.names

    def named(self, name: str) -> TimeQuery:
        return TimeQuery(self.query.named(name), self.times)


def parse_time_query(described: object) -> TimeQuery:
    """Raises ValueError or TypeError."""
    named = NamedTimeQuery(described)
    return TimeQuery(named.query.unnamed(), named.times)


def moment(raw: Any, times: Times) -> Moment:
    """Pattern, then epoch number, then .NET's /Date(ms)/, then RFC 3339; the first that gives a possible instant."""
    if raw is None or raw == "":
        return Moment()
    for reading in _READINGS:
        try:
            at = reading(raw, times)
        except (ValueError, OverflowError):
            continue
        if at is not None and 0 <= at <= LATEST:
            return Moment(at)
    return Moment(None, NOT_UNDERSTOOD)


def is_number(raw: Any) -> bool:
    if isinstance(raw, bool) or not isinstance(raw, str | int | float):
        return False
    try:
        return math.isfinite(float(raw))
    except (ValueError, OverflowError):
        return False


class _TimeTable(Times, frozen=True, kw_only=True):
    value: NamedQuery


def _described(described: object) -> _TimeTable:
    document = {"value": described} if isinstance(described, str) else described
    if not isinstance(document, dict):
        raise TypeError("expected an expression, or a table of value, zone, pattern and epoch")
    try:
        return typed(document, _TimeTable, {NamedQuery: NamedQuery, tzinfo: parse_zone})
    except DefinitionError as error:
        raise ValueError(str(error).removeprefix("value: ")) from None


def _by_pattern(raw: Any, times: Times) -> int | None:
    if times.pattern is None or isinstance(raw, bool) or not isinstance(raw, str | int):
        return None
    text = str(raw)
    parsed = datetime.strptime(text, times.pattern)
    if text.isdecimal() and not parsed.strftime(times.pattern).startswith(text):
        return None  # strptime would cut an epoch number into a year, a month and so on
    return _instant(parsed, times.zone)


def _by_epoch(raw: Any, times: Times) -> int | None:
    return round(float(raw) * _EPOCH_UNITS[times.epoch or "s"]) if is_number(raw) else None


def _by_dotnet(raw: Any, times: Times) -> int | None:
    written = _DOTNET.fullmatch(raw) if isinstance(raw, str) else None
    return int(written[1]) * _EPOCH_UNITS["ms"] if written else None


def _by_rfc3339(raw: Any, times: Times) -> int | None:
    if not isinstance(raw, str) or is_number(raw):
        return None
    text = raw[:-1] if raw.endswith("Z") and times.zone and _Z_IS_A_LETTER.search(times.pattern or "") else raw
    return _instant(datetime.fromisoformat(text), times.zone)


_READINGS: tuple[Callable[[Any, Times], int | None], ...] = (_by_pattern, _by_epoch, _by_dotnet, _by_rfc3339)


def _instant(parsed: datetime, zone: tzinfo | None) -> int | None:
    aware = parsed.replace(tzinfo=zone) if parsed.tzinfo is None else parsed
    if aware.tzinfo is None:
        return None
    elapsed = aware - datetime(1970, 1, 1, tzinfo=UTC)
    return (elapsed.days * 86_400 + elapsed.seconds) * SECOND + elapsed.microseconds
