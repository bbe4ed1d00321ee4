"""Equivalent mutants, each with its reason: ``explained.toml``."""

import tomllib
from collections.abc import Iterable
from pathlib import Path

import msgspec

from verification.mutants.mutant import Key, Mutant

_LIST = Path(__file__).with_name("explained.toml")


class Explained(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`why` names the behaviour that stays the same, and the reason."""

    module: str
    place: str
    before: str
    after: str
    why: str
    number: int = 1

    @property
    def key(self) -> Key:
        return self.module, self.place, self.before, self.after, self.number


def explained() -> dict[Key, Explained]:
    """By the key of the mutant."""
    rows = msgspec.convert(tomllib.loads(_LIST.read_text("utf-8")).get("mutant", []), list[Explained])
    return {row.key: row for row in rows}


def outdated(mutants: Iterable[Mutant], of_modules: set[str]) -> list[Explained]:
    """What explains no mutant any more: its lines have changed."""
    keys = {mutant.key for mutant in mutants}
    return [row for key, row in explained().items() if row.module in of_modules and key not in keys]
