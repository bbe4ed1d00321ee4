"""What a command prints on stdout.

JSON values in words that people read. Needs nothing that draws tables.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from keyturn.clock import in_words
from keyturn.legible import legible_json


def print_json(value: object) -> None:
    """One line."""
    print(legible_json(value), flush=True)


def print_answer(answer: Mapping[str, Any], *, as_json: bool) -> None:
    """JSON for scripts, a table for people."""
    if as_json:
        print_json(answer)
    else:
        from keyturn.cli.tables import print_table  # a script does not wait for what draws tables

        print_table(answer)


def print_url(url: str, *, as_json: bool) -> None:
    """Where a server is ready."""
    if as_json:
        print_json({"url": url})
    else:
        print(url, flush=True)


def format_value(value: object) -> str:
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


def format_observed_values(signals: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Each value behind a verdict with its age, since when it stands, and why it did not count."""
    for name, sight in signals.items():
        told = [("", " s old", sight.get("age")), ("for ", " s", sight.get("standing"))]
        times = [f"{before}{seconds:g}{unit}" for before, unit, seconds in told if seconds is not None]
        yield ", ".join(
            [f"{name} {format_value(sight['value'])}", *times, *([sight["why"]] if sight.get("why") else [])]
        )


def _listed(items: list[object]) -> str:
    between = "; " if any(isinstance(item, dict) for item in items) else ", "
    return between.join(map(_nested, items)) or "-"


def _nested(value: object) -> str:
    """Brackets keep what belongs together apart from what follows it."""
    return f"({format_value(value)})" if isinstance(value, dict) and value else format_value(value)
