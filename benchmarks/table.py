"""The table: medians, ratios with their noise, and whether each target is reached."""

import sysconfig
from statistics import median
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from benchmarks.load import Sample
from benchmarks.results.ratios import COMPARED, Compared, Ratio
from benchmarks.runs import Measured

WIDTH = 132
"""Columns of the terminal, or of the file that it is printed to."""


class Target(NamedTuple):
    """A bound on a figure of its own: the least rate a second, or the most milliseconds of `p50` or `p99`."""

    figure: str
    bound: float

    def reached(self, sample: Sample) -> bool:
        value: float = getattr(sample, self.figure)
        return value >= self.bound if self.figure == "rate" else value <= self.bound

    def __str__(self) -> str:
        return f"≥ {self.bound:,.0f}/s" if self.figure == "rate" else f"{self.figure} ≤ {self.bound:g} ms"


class Row(NamedTuple):
    sample: str
    what: str
    targets: tuple[Target, ...] = ()


ROWS = (
    Row("yardstick", "no-op on the edge of da84a1e, 64 connections"),
    Row("noop", "no-op route, signed, 64 connections"),
    Row("textbook", "textbook POST, 64 connections"),
    Row("post", "POST, lanes held, 64 connections"),
    Row("post_few", "POST, lanes held, 8 connections", (Target("p99", 10),)),
    Row("dispatched", "POST, engine sending behind it, 64 connections"),
    Row("post_oem", "POST with the OEM's answer, 64 connections"),
    Row("get", "GET, 64 connections"),
    Row("loop_longest_turn", "longest turn of the event loop under POST"),
    Row("lifecycle", "whole lifecycle, no HTTP", (Target("rate", 2000),)),
    Row("idle", "idle node: request to call of the OEM", (Target("p50", 1.5),)),
    Row("help", "import keyturn, keyturn --help", (Target("p50", 300),)),
    Row("serve_ready", "keyturn serve until ready", (Target("p50", 800),)),
)


def show(measured: Measured) -> None:
    """Print the table, and what a reader must know of the machine to read it."""
    table = Table(
        *("what", "per s", "p50 ms", "p99 ms", "ratio", "target", "reached"),
        title=f"Keyturn in numbers: medians of {len(measured.rounds)} interleaved rounds",
    )
    for row in ROWS:
        table.add_row(*_cells(row, measured))
    console = Console(width=WIDTH)
    console.print(table)
    idle = measured.idle
    console.print(
        f"Idle was p50 {idle.measured.p50:.2f} ms with its commit. A fdatasync there took {idle.fdatasync:.2f} ms"
        " (p50, benchmarks/durable/idle.py); what that is above 0.25 ms is subtracted."
    )
    console.print(f"The interpreter was built {built()}.")


def built() -> str:
    """How the interpreter was optimised."""
    options = f"{sysconfig.get_config_var('CONFIG_ARGS')} {sysconfig.get_config_var('PY_CFLAGS')}"
    profiled = "--enable-optimizations" in options or "-fprofile-use" in options
    linked = "--with-lto" in options or "-flto" in options
    return f"{'with' if profiled else 'without'} PGO and {'with' if linked else 'without'} LTO"


def _cells(row: Row, measured: Measured) -> list[str]:
    samples = measured.of(row.sample)
    rate, p50, p99 = (median(sample[place] for sample in samples) for place in range(3))
    compared = [(each, each.of(measured.rounds)) for each in COMPARED if each.row == row.sample]
    lines = [(_named(each, ratio), *_judged(each, ratio)) for each, ratio in compared]
    own = Sample(rate, p50, p99, 0)
    lines += [("", str(target), _verdict(target.reached(own))) for target in row.targets]
    columns = ["\n".join(column) for column in zip(*lines, strict=True)] or ["", "", ""]
    return [row.what, f"{rate:,.0f}" if rate else "", f"{p50:,.2f}", f"{p99:,.2f}", *columns]


def _named(compared: Compared, ratio: Ratio) -> str:
    names = {"yardstick": "of the yardstick", "noop": "of the no-op", "textbook": "× textbook", None: "p99 / p50"}
    return f"{ratio} {names[compared.other]}"


def _judged(compared: Compared, ratio: Ratio) -> tuple[str, str]:
    if compared.bound is None:
        return "", ""
    return f"{'≤' if compared.other is None else '≥'} {compared.bound:g}", _verdict(compared.reached(ratio))


def _verdict(reached: bool) -> str:
    return "yes" if reached else "[bold]no[/bold]"
