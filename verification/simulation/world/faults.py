"""Which faults there are, and how often each comes in one scenario.

A scenario has some kinds and not others, so that rare combinations are not drowned by common ones.
"""

from collections import Counter
from random import Random

KINDS: dict[str, tuple[str, ...]] = {
    "disk": ("slow disk", "disk full", "commit fails", "commit fails after it was done"),
    "bus": ("wake-up lost", "wake-up late", "wake-up repeated"),
    "connect": ("connection refused", "slow connection"),
    "send": (
        "lost before the OEM had it",
        "lost after the OEM had it",
        "no answer, not taken",
        "no answer, taken",
        "refused for now",
        "refused for good",
        "2xx without operation, taken",
        "2xx without operation, not taken",
        "delivered late",
        "connector raises",
        "answered at once",
    ),
    "operation": (
        "vehicle fails",
        "vehicle never answers",
        "vehicle acts late",
        "answer visible late",
        "success without acting",
        "failure after acting",
        "no completion time",
    ),
    "ask": ("question lost", "slow answer", "in progress again"),
    "look up": ("look-up finds nothing", "slow look-up"),
    "cancel": ("cancel fails",),
    "state": (
        "no state",
        "slow state",
        "old state",
        "signals missing",
        "signals null",
        "times missing",
        "times in the future",
    ),
}
"""By the place where they strike."""

_SELDOM = (0.05, 0.15, 0.3)
_OFTEN = {"disk": (0.005, 0.02, 0.1), "bus": (0.05, 0.3, 1.0)}
"""Probabilities to choose from; a disk is used for everything, and a bus may be dead."""

LIES = frozenset({"success without acting", "failure after acting"})
"""After these the truth is unknown; checks against it leave their commands out."""


class Faults:
    """Draws the faults of one scenario, and counts them. `rates` gives the probability of each kind that it has."""

    def __init__(self, chance: Random, rates: dict[str, float], counts: Counter[str]) -> None:
        self.chance = chance
        self.calm = False
        of_place = {place: [(kind, rates[kind]) for kind in kinds if kind in rates] for place, kinds in KINDS.items()}
        self._rates = of_place if rates else {}
        """Empty where nothing ever fails."""
        self._counts = counts

    @property
    def places(self) -> frozenset[str]:
        """Where something may go wrong."""
        return frozenset(place for place, kinds in self._rates.items() if kinds)

    def draw(self, place: str) -> str | None:
        """The fault that strikes here now, if any."""
        if self.calm or not self._rates:
            return None
        number = self.chance.random()
        for kind, rate in self._rates[place]:
            number -= rate
            if number < 0:
                self.count(kind)
                return kind
        return None

    def count(self, kind: str) -> None:
        """A fault was injected."""
        self._counts[kind] += 1


def draw_rates(chance: Random) -> dict[str, float]:
    """The kinds of one scenario: at each place a few of them, rare or frequent."""
    rates: dict[str, float] = {}
    for place, kinds in KINDS.items():
        if chance.random() < 0.5:
            chosen = chance.sample(kinds, chance.randint(1, min(3, len(kinds))))
            rates.update(dict.fromkeys(chosen, chance.choice(_OFTEN.get(place, _SELDOM))))
    return rates
