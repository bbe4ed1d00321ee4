"""One round: each server in turn, on a fresh copy of its data, under load from the other core."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle
from typing import NamedTuple

from benchmarks.cores import on_server_core, served
from benchmarks.engine import measure_idle, measure_lifecycle
from benchmarks.installation import ANSWERED, AWAITED, Installation, newest_commands, registered, vins
from benchmarks.load import Sample, measure
from benchmarks.node import serve_keyturn
from benchmarks.requests import NOOP, VEHICLE_COMMAND, gets, signed_posts
from benchmarks.textbook.server import serve_textbook

COMMAND = "lock_door"
"""Has a precondition, an opposite and a place in the lane."""
MANY, FEW = 64, 8
"""Connections."""
COMMANDS_READ = 500

Samples = dict[str, Sample]
"""Measurements by name; `table` says what each one is."""


class Installations(NamedTuple):
    """What is prepared once: `vehicles` and data for each kind of server."""

    vehicles: int
    held: Installation
    free: Installation
    textbook: Installation


def measure_all(grounds: Installations, seconds: float) -> Samples:
    """Measure everything under load once, each for about `seconds`."""
    with copied(grounds.held) as plot:
        samples = _held(plot, grounds.vehicles, seconds)
    with copied(grounds.free) as plot:
        samples |= _free(plot, grounds.vehicles, seconds)
        samples["lifecycle"] = on_server_core(measure_lifecycle, plot, grounds.vehicles, seconds)
        samples["idle"] = on_server_core(measure_idle, plot)
    with copied(grounds.textbook) as plot, served(serve_textbook, plot) as port:
        posts = signed_posts(VEHICLE_COMMAND, plot, vins(ANSWERED, grounds.vehicles), COMMAND)
        samples["textbook"] = measure(port, iter(posts), MANY, seconds)
    return samples


@contextmanager
def copied(plot: Installation) -> Iterator[Installation]:
    """The plot on a copy of its data."""
    data = plot.data.with_name(f"{plot.data.name}-copy")
    shutil.copytree(plot.data, data)
    try:
        yield plot._replace(data=data)
    finally:
        shutil.rmtree(data)


def _held(plot: Installation, vehicles: int, seconds: float) -> Samples:
    """Lanes are held: commands are registered and nothing is sent."""
    names = vins(ANSWERED, vehicles)
    noop = cycle(signed_posts(NOOP, plot, names, COMMAND))
    posts = iter(signed_posts(VEHICLE_COMMAND, plot, names, COMMAND))
    with served(serve_keyturn, plot) as port:
        samples = {"noop": measure(port, noop, MANY, seconds), "post": _posted(plot, port, posts, MANY, seconds)}
        read = cycle(gets(plot, newest_commands(plot.data, COMMANDS_READ)))
        samples["get"] = measure(port, read, MANY, seconds)
        samples["post_few"] = _posted(plot, port, posts, FEW, seconds)
    return samples


def _free(plot: Installation, vehicles: int, seconds: float) -> Samples:
    """Every command is sent to an OEM that answers at once."""
    samples = {}
    with served(serve_keyturn, plot) as port:
        for name, connector in (("dispatched", ANSWERED), ("awaited", AWAITED)):
            posts = cycle(signed_posts(VEHICLE_COMMAND, plot, vins(connector, vehicles), COMMAND))
            samples[name] = _posted(plot, port, posts, MANY, seconds)
    return samples


def _posted(plot: Installation, port: int, posts: Iterator[bytes], connections: int, seconds: float) -> Sample:
    before = registered(plot.data)
    sample = measure(port, posts, connections, seconds)
    if registered(plot.data) - before != sample.sent:
        raise RuntimeError("Requests joined one another: there are too few vehicles for this machine.")
    return sample
