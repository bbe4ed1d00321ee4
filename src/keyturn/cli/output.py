"""What a command prints on stdout."""

from collections.abc import Mapping
from typing import Any

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
