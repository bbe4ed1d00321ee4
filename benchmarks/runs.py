"""One run of all measurements: each server in turn, on a fresh copy of its data, under load from the other core."""

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


def measure_all(installations: Installations, seconds: float) -> Samples:
    """Measure everything under load once, each for about `seconds`."""
    with copied(installations.held) as installation:
        samples = _held(installation, installations.vehicles, seconds)
    with copied(installations.free) as installation:
        samples |= _free(installation, installations.vehicles, seconds)
        samples["lifecycle"] = on_server_core(measure_lifecycle, installation, installations.vehicles, seconds)
        samples["idle"] = on_server_core(measure_idle, installation)
    with copied(installations.textbook) as installation, served(serve_textbook, installation) as port:
        posts = signed_posts(VEHICLE_COMMAND, installation, vins(ANSWERED, installations.vehicles), COMMAND)
        samples["textbook"] = measure(port, iter(posts), MANY, seconds)
    return samples


@contextmanager
def copied(installation: Installation) -> Iterator[Installation]:
    """The installation on a copy of its data."""
    data = installation.data.with_name(f"{installation.data.name}-copy")
    shutil.copytree(installation.data, data)
    try:
        yield installation._replace(data=data)
    finally:
        shutil.rmtree(data)


def _held(installation: Installation, vehicles: int, seconds: float) -> Samples:
    """Lanes are occupied: commands are registered and nothing is sent."""
    names = vins(ANSWERED, vehicles)
    noop = cycle(signed_posts(NOOP, installation, names, COMMAND))
    posts = iter(signed_posts(VEHICLE_COMMAND, installation, names, COMMAND))
    with served(serve_keyturn, installation) as port:
        samples = {
            "noop": measure(port, noop, MANY, seconds),
            "post": _posted(installation, port, posts, MANY, seconds),
        }
        read = cycle(gets(installation, newest_commands(installation.data, COMMANDS_READ)))
        samples["get"] = measure(port, read, MANY, seconds)
        samples["post_few"] = _posted(installation, port, posts, FEW, seconds)
    return samples


def _free(installation: Installation, vehicles: int, seconds: float) -> Samples:
    """Every command is sent to an OEM that answers at once."""
    samples = {}
    with served(serve_keyturn, installation) as port:
        for name, connector in (("dispatched", ANSWERED), ("awaited", AWAITED)):
            posts = cycle(signed_posts(VEHICLE_COMMAND, installation, vins(connector, vehicles), COMMAND))
            samples[name] = _posted(installation, port, posts, MANY, seconds)
    return samples


def _posted(installation: Installation, port: int, posts: Iterator[bytes], connections: int, seconds: float) -> Sample:
    before = registered(installation.data)
    sample = measure(port, posts, connections, seconds)
    if registered(installation.data) - before != sample.sent:
        raise RuntimeError("Requests were coalesced: --vehicles is too low for this machine.")
    return sample
