"""Output on stdout: JSON for scripts, text for people. Tables are imported only where one is drawn."""

from collections.abc import Iterator, Mapping
from typing import Any

from keyturn.clock import readable_instant
from keyturn.printable import printable_json


def print_json(value: object) -> None:
    """Print one line of JSON."""
    print(printable_json(value), flush=True)


def print_answer(answer: Mapping[str, Any], *, as_json: bool) -> None:
    """Print JSON for scripts, a table for people."""
    if as_json:
        print_json(answer)
    else:
        from keyturn.cli.tables import print_table  # scripts do not wait for the import of rich

        print_table(answer)


def print_url(url: str, *, as_json: bool) -> None:
    """Print the URL at which a server is ready."""
    if as_json:
        print_json({"url": url})
    else:
        print(url, flush=True)


def format_value(value: object) -> str:
    """A JSON value in plain text: times in ISO 8601, `yes`, `no` and `-`, and no syntax of a programming language."""
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case list():
            return _listed(value)
        case dict():
            return ", ".join(f"{name} {_nested(member)}" for name, member in value.items()) or "-"
    return str(readable_instant(value))


def format_observed_values(signals: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Each value behind a precondition result with its age, how long it has lasted, and why it was not used."""
    for name, observed in signals.items():
        durations = [("", " s old", observed.get("age")), ("for ", " s", observed.get("standing"))]
        times = [f"{before}{seconds:g}{unit}" for before, unit, seconds in durations if seconds is not None]
        yield ", ".join(
            [f"{name} {format_value(observed['value'])}", *times, *([observed["why"]] if observed.get("why") else [])]
        )


def _listed(items: list[object]) -> str:
    between = "; " if any(isinstance(item, dict) for item in items) else ", "
    return between.join(map(_nested, items)) or "-"


def _nested(value: object) -> str:
    """With parentheses around a dictionary, so that its end is clear."""
    return f"({format_value(value)})" if isinstance(value, dict) and value else format_value(value)
