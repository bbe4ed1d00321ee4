"""Compares with the committed figures: instructions may not grow, ratios may not fall below their bounds."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

import msgspec

from benchmarks.runs import Samples

COMMITTED = Path(__file__).with_name("committed.json")
"""Instructions of each item at the last release; docs/performance.md shows them."""
GROWTH = 0.05
"""By so much an item may cost more."""
BOUNDS = {("post", "noop"): 0.42, ("post", "textbook"): 27.0, ("awaited", "noop"): 0.28, ("get", "noop"): 0.95}
"""Of two rates of the same run: the ratio that must be reached."""


def committed() -> dict[str, int]:
    return msgspec.json.decode(COMMITTED.read_bytes(), type=dict[str, int])


def grown(counted: Mapping[str, int], before: Mapping[str, int]) -> list[str]:
    """A sentence for each item that costs more than it may."""
    return [
        f"{name} takes {instructions:,} instructions, {instructions / before[name] - 1:+.1%}; {before[name]:,} before."
        for name, instructions in counted.items()
        if name in before and instructions > before[name] * (1 + GROWTH)
    ]


def missed(runs: Sequence[Samples]) -> list[str]:
    """A sentence for each ratio that misses its bound by more than its noise, half of the spread between the runs."""
    sentences = []
    for (one, other), bound in BOUNDS.items():
        ratios = [run[one].rate / run[other].rate for run in runs]
        noise = (max(ratios) - min(ratios)) / 2
        if median(ratios) < bound - noise:
            sentences.append(f"{one} / {other} is {median(ratios):.2f} +- {noise:.2f}, below {bound:g}.")
    return sentences
