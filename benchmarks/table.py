"""The table: medians, ratios to the rates of the same run, and whether each target is reached."""

import operator
from collections.abc import Callable
from statistics import median
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from benchmarks.runs import Samples

WIDTH = 132
"""Columns of the terminal, or of the file that it is printed to."""


class Figures(NamedTuple):
    """Medians over the runs. `rate` per second, times in milliseconds, ratios of rates."""

    rate: float
    p50: float
    p99: float
    to_noop: float
    to_textbook: float

    @property
    def spread(self) -> float:
        """p99 over p50."""
        return self.p99 / self.p50


class Target(NamedTuple):
    """A bound on one figure; `text` has a place for the bound."""

    figure: str
    holds: Callable[[float, float], bool]
    bound: float
    text: str


class Row(NamedTuple):
    sample: str
    what: str
    targets: tuple[Target, ...] = ()
    compared: bool = True
    """Whether its rate is comparable with those of the routes."""


def _rate(bound: float) -> Target:
    return Target("rate", operator.ge, bound, "≥ {:,.0f}/s")


def _to_noop(bound: float) -> Target:
    return Target("to_noop", operator.ge, bound, "≥ {:g} of no-op")


def _to_textbook(bound: float) -> Target:
    return Target("to_textbook", operator.ge, bound, "≥ {:g} × textbook")


def _p50(bound: float) -> Target:
    return Target("p50", operator.le, bound, "p50 ≤ {:,g} ms")


def _p99(bound: float) -> Target:
    return Target("p99", operator.le, bound, "p99 ≤ {:g} ms")


def _p99_of_p50(bound: float) -> Target:
    return Target("spread", operator.le, bound, "p99 ≤ {:g} × p50")


ROWS = (
    Row("noop", "no-op route, signed, 64 connections"),
    Row("textbook", "textbook POST, 64 connections"),
    Row("post", "POST, lanes held, 64 connections", (_to_noop(0.42), _to_textbook(27), _p99_of_p50(1.6))),
    Row("post_few", "POST, lanes held, 8 connections", (_p99(10),)),
    Row("dispatched", "POST, engine sending behind it, 64 connections"),
    Row("awaited", "POST with the OEM's answer, 64 connections", (_to_noop(0.28),)),
    Row("get", "GET, 64 connections", (_to_noop(0.95),)),
    Row("lifecycle", "whole lifecycle, no HTTP", (_rate(2000),), compared=False),
    Row("idle", "idle node: request to call of the OEM", (_p50(1.5),), compared=False),
    Row("help", "import keyturn, keyturn --help", (_p50(300),), compared=False),
    Row("serve", "keyturn serve until ready", (_p50(800),), compared=False),
)


def figures(runs: list[Samples], name: str) -> Figures:
    """Ratios are taken within a run, so that what slows the machine for a while slows both sides."""
    samples = [run[name] for run in runs]
    ratios = [[run[name].rate / run[other].rate for run in runs] for other in ("noop", "textbook")]
    return Figures(
        *(median(sample[place] for sample in samples) for place in range(3)), *(median(each) for each in ratios)
    )


def show(runs: list[Samples]) -> None:
    """Print the table."""
    title = f"Keyturn in numbers: medians of {len(runs)} runs"
    headings = ("what", "per s", "p50 ms", "p99 ms", "of no-op", "× textbook", "target", "reached")
    table = Table(*headings, title=title)
    for row in ROWS:
        table.add_row(*_cells(row, figures(runs, row.sample)))
    Console(width=WIDTH).print(table)


def _cells(row: Row, measured: Figures) -> list[str]:
    ratios = [f"{measured.to_noop:.2f}", f"{measured.to_textbook:.1f}"] if row.compared else ["", ""]
    targets = "\n".join(target.text.format(target.bound) for target in row.targets)
    reached = "\n".join(_verdict(target, measured) for target in row.targets)
    return [
        row.what,
        *(f"{measured[place]:,.{digits}f}" for place, digits in enumerate((0, 2, 2))),
        *ratios,
        targets,
        reached,
    ]


def _verdict(target: Target, measured: Figures) -> str:
    return "yes" if target.holds(getattr(measured, target.figure), target.bound) else "[bold]no[/bold]"
