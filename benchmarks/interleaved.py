"""Rates that are compared with each other, measured in turns: short rounds, in which each server is asked once.

All servers are up from the first round to the last, on the server's core; one at a time is under load. What slows the
machine for a while slows both sides of a ratio, and the spread between the rounds is the ratio's noise.
"""

import re
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import cycle
from typing import NamedTuple

from benchmarks.cores import Serve, served
from benchmarks.installation import ANSWERED, AWAITED, Installation, copied, newest_commands, registered, vins
from benchmarks.load import Sample, measure
from benchmarks.node import serve_keyturn
from benchmarks.requests import NOOP, VEHICLE_COMMAND, gets, signed_posts
from benchmarks.textbook.server import serve_textbook
from benchmarks.yardstick.server import serve_yardstick

COMMAND = "lock_door"
"""Has a precondition, an opposite and a place in the lane."""
MANY = 64
"""Connections."""
COMMANDS_READ = 500
TEXTBOOK_TIMES = 3
"""So many times as long is the textbook measured: it answers so few requests."""
_LONGEST = re.compile(r"^keyturn_event_loop_longest_lag_seconds ([0-9.e+-]+)$", re.MULTILINE)

Samples = dict[str, Sample]
"""Measurements of one round by name; `table` says what each one is."""


class Installations(NamedTuple):
    """What is prepared once: `vehicles` and data for each kind of server."""

    vehicles: int
    held: Installation
    free: Installation
    textbook: Installation


def measure_rounds(installations: Installations, rounds: int, seconds: float) -> list[Samples]:
    """So many rounds, each measurement for about `seconds`, on copies of the data."""
    with ExitStack() as stack:

        def up(serve: Serve, installation: Installation) -> tuple[Installation, int]:
            own = stack.enter_context(copied(installation))
            return own, stack.enter_context(served(serve, own))

        held = up(serve_keyturn, installations.held)
        free = up(serve_keyturn, installations.free)
        _, yardstick = up(serve_yardstick, installations.held)
        textbook = up(serve_textbook, installations.textbook)
        names = vins(ANSWERED, installations.vehicles)
        noop = cycle(signed_posts(NOOP, held[0], names, COMMAND))
        posts = iter(signed_posts(VEHICLE_COMMAND, held[0], names, COMMAND))
        awaited = cycle(signed_posts(VEHICLE_COMMAND, free[0], vins(AWAITED, installations.vehicles), COMMAND))
        slow = iter(signed_posts(VEHICLE_COMMAND, textbook[0], names, COMMAND))
        turns: list[Callable[[], Samples]] = [
            lambda: {"yardstick": measure(yardstick, noop, MANY, seconds)},
            lambda: _post(*held, posts, seconds),
            lambda: {"noop": measure(held[1], noop, MANY, seconds)},
            lambda: {"get": measure(held[1], _reads(held[0]), MANY, seconds)},
            lambda: {"post_oem": posted(*free, awaited, MANY, seconds)},
            lambda: {"textbook": measure(textbook[1], slow, MANY, seconds * TEXTBOOK_TIMES)},
        ]
        return [_round(turns if number % 2 else turns[::-1]) for number in range(rounds)]


def posted(installation: Installation, port: int, posts: Iterator[bytes], connections: int, seconds: float) -> Sample:
    """POSTs that each registered a command of its own."""
    before = registered(installation.data)
    sample = measure(port, posts, connections, seconds)
    if registered(installation.data) - before != sample.sent:
        raise RuntimeError("Requests were coalesced: --vehicles is too low for this machine.")
    return sample


def _round(turns: list[Callable[[], Samples]]) -> Samples:
    found: Samples = {}
    for turn in turns:
        found |= turn()
    return found


def _post(installation: Installation, port: int, posts: Iterator[bytes], seconds: float) -> Samples:
    """POSTs to vehicles whose lane is taken, and the longest turn of the event loop meanwhile."""
    _longest_turn(port)
    sample = posted(installation, port, posts, MANY, seconds)
    longest = _longest_turn(port) * 1e3
    return {"post": sample, "loop_longest_turn": Sample(0.0, longest, longest, 1)}


def _reads(installation: Installation) -> Iterator[bytes]:
    return cycle(gets(installation, newest_commands(installation.data, COMMANDS_READ)))


def _longest_turn(port: int) -> float:
    """Seconds, since it was last asked for."""
    text = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics").read().decode()
    found = _LONGEST.search(text)
    assert found is not None, "the node measures its event loop"
    return float(found[1])
