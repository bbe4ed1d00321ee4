"""JSON values in words that people read. Needs nothing that draws tables."""

from collections.abc import Iterator, Mapping
from typing import Any

from keyturn.clock import in_words


def shown(value: object) -> str:
    """A JSON value as people read it: no raw instant, and nothing in a programming language's spelling."""
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case list():
            return _listed(value)
        case dict():
            return ", ".join(f"{name} {_nested(member)}" for name, member in value.items()) or "-"
    return str(in_words(value))


def sights(signals: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Each value behind a verdict with its age, since when it stands, and why it did not count."""
    for name, sight in signals.items():
        told = [("", " s old", sight.get("age")), ("for ", " s", sight.get("standing"))]
        times = [f"{before}{seconds:g}{unit}" for before, unit, seconds in told if seconds is not None]
        yield ", ".join([f"{name} {shown(sight['value'])}", *times, *([sight["why"]] if sight.get("why") else [])])


def _listed(items: list[object]) -> str:
    between = "; " if any(isinstance(item, dict) for item in items) else ", "
    return between.join(map(_nested, items)) or "-"


def _nested(value: object) -> str:
    """Brackets keep what belongs together apart from what follows it."""
    return f"({shown(value)})" if isinstance(value, dict) and value else shown(value)
