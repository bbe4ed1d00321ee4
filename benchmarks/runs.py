"""All timed measurements: what is compared, in interleaved rounds; what has a time of its own, one after the other."""

from itertools import cycle
from typing import NamedTuple

from benchmarks.cores import on_server_core, served
from benchmarks.durable.idle import Idle, measure_idle
from benchmarks.engine import measure_lifecycle
from benchmarks.installation import ANSWERED, Installation, copied, vins
from benchmarks.interleaved import COMMAND, MANY, Installations, Samples, measure_rounds, posted
from benchmarks.load import Sample
from benchmarks.node import serve_keyturn
from benchmarks.requests import VEHICLE_COMMAND, signed_posts

FEW = 8
"""Connections."""
ALONE_SECONDS = 2.0


class Measured(NamedTuple):
    """`rounds`: by their order, the measurements that are compared. `alone`: the others by name, once each."""

    rounds: list[Samples]
    alone: Samples
    idle: Idle

    def of(self, name: str) -> list[Sample]:
        """Every measurement of this name, at least one."""
        found = [each[name] for each in self.rounds if name in each]
        return found or [self.alone[name]]


def measure_all(installations: Installations, rounds: int, seconds: float) -> Measured:
    """Measure everything under load: so many rounds, each measurement of one for about `seconds`."""
    compared = measure_rounds(installations, rounds, seconds)
    vehicles = installations.vehicles
    with copied(installations.held) as installation:
        alone = {"post_few": _posts(installation, vehicles, FEW)}
    with copied(installations.free) as installation:
        alone["dispatched"] = _posts(installation, vehicles, MANY)
        alone["lifecycle"] = on_server_core(measure_lifecycle, installation, vehicles, ALONE_SECONDS)
    with copied(installations.free) as installation:
        idle = on_server_core(measure_idle, installation)
    return Measured(compared, alone | {"idle": idle.corrected}, idle)


def _posts(installation: Installation, vehicles: int, connections: int) -> Sample:
    posts = cycle(signed_posts(VEHICLE_COMMAND, installation, vins(ANSWERED, vehicles), COMMAND))
    with served(serve_keyturn, installation) as port:
        return posted(installation, port, posts, connections, ALONE_SECONDS)
