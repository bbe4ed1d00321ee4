"""The rows of a JSON file: one shape for what was timed and for what was counted."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from statistics import median

import msgspec

from benchmarks.results.ratios import Compared
from benchmarks.runs import Measured

NAMES = ("noop", "textbook", "post", "post_oem", "get", "lifecycle", "idle", "serve_ready")
"""Rows of every file; further ones follow."""
FURTHER = ("yardstick", "post_few", "dispatched", "loop_longest_turn", "help")
_TIMES = ("idle", "serve_ready", "loop_longest_turn", "help")
"""Have times, and no rate."""
_OF_NOOP = {"post": "yardstick", "post_oem": "yardstick", "noop": "yardstick", "get": "noop"}
"""Which no-op the rate of a row is compared with: that of the yardstick, or that of the present edge."""
_OF_TEXTBOOK = ("noop", "post", "post_oem", "get")


class ResultRow(msgspec.Struct, frozen=True):
    """None: not measured by this form of the bench. Times in milliseconds; `of_...` are ratios of rates."""

    name: str
    instructions: int | None = None
    per_second: float | None = None
    p50_ms: float | None = None
    p99_ms: float | None = None
    of_noop: float | None = None
    of_textbook: float | None = None


def timed_rows(measured: Measured) -> list[ResultRow]:
    """Medians over the rounds."""
    return [_timed(measured, name) for name in (*NAMES, *FURTHER)]


def counted_rows(counted: Mapping[str, int]) -> list[ResultRow]:
    """Instructions by name."""
    names = [*NAMES, *(name for name in counted if name not in NAMES)]
    return [ResultRow(name, counted.get(name)) for name in names]


def write_rows(file: Path, rows: Iterable[ResultRow]) -> None:
    """Write ``{"rows": [...]}``."""
    file.write_bytes(msgspec.json.format(msgspec.json.encode({"rows": list(rows)})) + b"\n")


def _timed(measured: Measured, name: str) -> ResultRow:
    samples = measured.of(name)
    rate, p50, p99 = (median(sample[place] for sample in samples) for place in range(3))
    other = _OF_NOOP.get(name)
    return ResultRow(
        name,
        None,
        None if name in _TIMES else rate,
        p50,
        p99,
        None if other is None else Compared(name, other).of(measured.rounds).median,
        Compared(name, "textbook").of(measured.rounds).median if name in _OF_TEXTBOOK else None,
    )
