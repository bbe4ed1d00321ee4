"""Compares with the committed figures: instructions may not grow, ratios may not miss their bounds."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from benchmarks.results.ratios import COMPARED, Rounds

COMMITTED = Path(__file__).with_name("committed.json")
"""Instructions of each item at the last release; docs/performance.md shows them."""
GROWTH = 0.05
"""By so much an item may cost more."""


def committed() -> dict[str, int]:
    return msgspec.json.decode(COMMITTED.read_bytes(), type=dict[str, int])


def grown(counted: Mapping[str, int], before: Mapping[str, int]) -> list[str]:
    """A sentence for each item that costs more than it may, and for each that is counted no more."""
    sentences = [
        f"{name} takes {instructions:,} instructions, {instructions / before[name] - 1:+.1%}; {before[name]:,} before."
        for name, instructions in counted.items()
        if name in before and instructions > before[name] * (1 + GROWTH)
    ]
    return sentences + [f"{name} is not counted any more." for name in before if name not in counted]


def missed(rounds: Rounds) -> list[str]:
    """A sentence for each ratio that misses its bound by more than its noise."""
    sentences = []
    for compared in COMPARED:
        ratio = compared.of(rounds)
        if compared.missed(ratio):
            named = f"{compared.row} / {compared.other}" if compared.other else f"p99 / p50 of {compared.row}"
            sentences.append(f"{named} is {ratio}; its bound is {compared.bound:g}.")
    return sentences
