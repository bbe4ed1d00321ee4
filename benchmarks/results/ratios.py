"""Ratios that are taken within each round, their noise, and the bounds that they must keep."""

from collections.abc import Mapping, Sequence
from statistics import median, quantiles
from typing import NamedTuple

from benchmarks.load import Sample

Rounds = Sequence[Mapping[str, Sample]]


class Ratio(NamedTuple):
    """The median over the rounds; `noise` is half of what lies between the quartiles."""

    median: float
    noise: float

    def __str__(self) -> str:
        digits = 1 if self.median >= 10 else 2
        return f"{self.median:.{digits}f} ± {self.noise:.{digits}f}"


class Compared(NamedTuple):
    """A ratio of the rate of `row` to that of `other`, or of its p99 to its p50 (`other` is None).

    `bound`: the least that it may be, or the most for p99 to p50; None: it has none.
    """

    row: str
    other: str | None
    bound: float | None = None

    def of(self, rounds: Rounds) -> Ratio:
        """Over the rounds."""
        return summary([_tail(each[self.row]) if self.other is None else self._rates(each) for each in rounds])

    def reached(self, ratio: Ratio) -> bool:
        """Whether the median keeps the bound."""
        return self._short(ratio) <= 0

    def missed(self, ratio: Ratio) -> bool:
        """Whether the median is beyond the bound by more than the noise."""
        return self._short(ratio) > ratio.noise

    def _short(self, ratio: Ratio) -> float:
        if self.bound is None:
            return 0.0
        return ratio.median - self.bound if self.other is None else self.bound - ratio.median

    def _rates(self, samples: Mapping[str, Sample]) -> float:
        assert self.other is not None, "its caller has looked"
        return samples[self.row].rate / samples[self.other].rate


COMPARED = (
    Compared("post", "yardstick", 0.42),
    Compared("post", "noop"),
    Compared("post", "textbook", 27.0),
    Compared("post", None, 1.6),
    Compared("post_oem", "yardstick", 0.28),
    Compared("post_oem", "noop"),
    Compared("get", "noop", 0.95),
    Compared("noop", "yardstick"),
)
"""The no-op of the yardstick is one edge for ever; that of the present edge is shown beside it."""


def summary(values: Sequence[float]) -> Ratio:
    """Of one value for each round."""
    if len(values) < 2:
        return Ratio(values[0], 0.0)
    first, _, third = quantiles(values, n=4, method="inclusive")
    return Ratio(median(values), (third - first) / 2)


def _tail(sample: Sample) -> float:
    return sample.p99 / sample.p50
