"""Power cuts anywhere in a recording: what is left must open, be whole, and keep every guarantee made before."""

import random
import sqlite3
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from verification.durability.databases import damage, opened
from verification.durability.disk import REMNANTS, Image, Remnant
from verification.durability.guarantees import broken, unintended
from verification.durability.recording import Recording
from verification.durability.rows import read_rows


@dataclass(frozen=True)
class Cut:
    """The power is gone at this line of the log; the disk kept this much of what was not synced."""

    at: int
    remnant: Remnant
    image: Image


@dataclass
class Outcome:
    """Result of many cuts."""

    cuts: Counter[str] = field(default_factory=Counter)
    """By remnant."""
    kept: int = 0
    """Promises and orders that an image was asked about."""
    violations: list[str] = field(default_factory=list)


def cut_everywhere(recording: Recording, count: int, seed: int) -> Outcome:
    """So many cuts: at the boundaries of syncs, and at seeded moments between them."""
    outcome = Outcome()
    for cut in cuts(recording, count, seed):
        outcome.cuts[cut.remnant.name] += 1
        answered = sum(guarantee.began < cut.at for guarantee in recording.guarantees)
        outcome.kept += answered + sum(order.began < cut.at for order in recording.orders)
        for problem in lost(recording, cut):
            outcome.violations.append(f"cut at line {cut.at} leaving {cut.remnant.name}: {problem}")
    return outcome


def cuts(recording: Recording, count: int, seed: int) -> Iterator[Cut]:
    """In the order of time."""
    chance = random.Random(seed)
    replay = recording.replay(chance)
    for at in _moments(recording, count, chance):
        replay.advance(at)
        remnant = chance.choice(REMNANTS)
        yield Cut(at, remnant, replay.disk.image(remnant, chance))


def lost(recording: Recording, cut: Cut) -> Iterator[str]:
    """What is wrong with the cut's image."""
    try:
        with opened(cut.image) as connection:
            yield from damage(connection)
            rows = read_rows(connection)
    except sqlite3.Error as error:
        yield f"the database does not open: {error}"
        return
    for guarantee in recording.guarantees:
        if guarantee.began < cut.at:
            yield from broken(rows, guarantee)
    for order in recording.orders:
        if order.began < cut.at:
            yield from unintended(rows, order)


def _moments(recording: Recording, count: int, chance: random.Random) -> list[int]:
    """Half of them around syncs: before, while, and just after."""
    around = [at for sync in recording.syncs for at in (sync.began, sync.ended, sync.ended + 1)]
    bounds = chance.sample(around, min(count // 2, len(around)))
    end = recording.end
    return sorted([*bounds, *(chance.randint(0, end) for _ in range(count - len(bounds)))])
