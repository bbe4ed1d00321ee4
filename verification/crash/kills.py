"""Kill schedule: which process dies when, from a seed."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from verification.crash.scenario import COMPANIES

_CLOUD_TOO = 1 / 3
"""In so many of the server's lives a cloud is killed as well: one kill in four is a cloud's."""
_TOGETHER = 0.3
"""So many of those at once with the server."""


class KillPoint(StrEnum):
    """Where in its life a server is hit."""

    STARTING = "while it starts"
    RECOVERING = "in recovery"
    ANSWERING = "on an answer"
    LOADED = "under load"


_WEIGHTS = {KillPoint.STARTING: 12, KillPoint.RECOVERING: 18, KillPoint.ANSWERING: 25, KillPoint.LOADED: 45}


@dataclass(frozen=True)
class Kill:
    """One life's end. `share` and `cloud_share` place the blows within what the moment allows, from 0 to 1."""

    moment: KillPoint
    share: float
    cloud: str | None
    """The company whose cloud dies too."""
    cloud_share: float
    together: bool


def draw_kills(chance: random.Random, count: int) -> Iterator[Kill]:
    """So many kills of the server."""
    for _ in range(count):
        moment = chance.choices(list(_WEIGHTS), list(_WEIGHTS.values()))[0]
        cloud = chance.choice(COMPANIES) if chance.random() < _CLOUD_TOO else None
        yield Kill(moment, chance.random(), cloud, chance.random(), chance.random() < _TOGETHER)


@dataclass(frozen=True)
class Death:
    """A server's end as it came; `at` in microseconds."""

    at: int
    moment: KillPoint
    requests: int
    """Requests that waited for their answer."""
