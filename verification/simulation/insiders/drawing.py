"""Draws the scenarios that have an insider, and the insider's means."""

from random import Random
from typing import Any, Literal

import msgspec

from keyturn.clock import SECOND

Way = Literal["shell", "password", "own factor"]
"""How the insider acts: unsigned, signed in with a password alone, or with a second factor as well."""

_SHARE = 0.04
STRAY = "9KTSTRAY000000009"
"""A car behind the same cloud that is not enrolled."""


class Insider(msgspec.Struct, frozen=True):
    """The insider of a scenario, and its other admins."""

    way: Way
    alone: bool
    """There is no other admin."""
    delay: int
    """Microseconds of notice that a change has."""
    deeds: int
    pace: float
    """Seconds between two deeds at most."""
    reports_vin: bool
    """The OEM gives the VIN in every report."""
    without_consent: bool
    """The company's vehicles have none when it begins."""


def draw_insider(seed: int) -> Insider | None:
    """None: no insider, as in most scenarios."""
    chance = Random(f"in charge {seed}")
    if chance.random() >= _SHARE:
        return None
    return Insider(
        way=chance.choice(("own factor", "own factor", "password", "shell")),
        alone=chance.random() < 0.4,
        delay=chance.choice((4, 10, 25)) * SECOND,
        deeds=chance.randint(3, 10),
        pace=chance.choice((0.5, 2.0, 5.0)),
        reports_vin=chance.random() < 0.5,
        without_consent=chance.random() < 0.3,
    )


def rules_of(seed: int) -> dict[str, dict[str, Any]]:
    """A second person is asked for in both companies."""
    chance = Random(f"rules in charge {seed}")
    asked = {"second_person": True, **({"reason_required": True} if chance.random() < 0.3 else {})}
    return {"company-1": asked, "company-2": asked}
