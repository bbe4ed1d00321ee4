"""The rows of a JSON file: one shape for what was timed and for what was counted."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from benchmarks.runs import Samples
from benchmarks.table import figures

TIMED = {
    "noop": "noop",
    "textbook": "textbook",
    "post": "post",
    "post_oem": "awaited",
    "get": "get",
    "lifecycle": "lifecycle",
    "idle": "idle",
    "serve_ready": "serve",
}
"""Names of rows, and the measurements that they show."""
_NOT_RATES = ("lifecycle", "idle", "serve_ready")


class ResultRow(msgspec.Struct, frozen=True):
    """None: not measured by this form of the bench. Times in milliseconds; `of_...` are ratios of rates."""

    name: str
    instructions: int | None = None
    per_second: float | None = None
    p50_ms: float | None = None
    p99_ms: float | None = None
    of_noop: float | None = None
    of_textbook: float | None = None


def timed_rows(runs: list[Samples]) -> list[ResultRow]:
    """Medians over the runs."""
    rows = []
    for name, sample in TIMED.items():
        found = figures(runs, sample)
        ratios = (None, None) if name in _NOT_RATES else (found.to_noop, found.to_textbook)
        rows.append(ResultRow(name, None, found.rate, found.p50, found.p99, *ratios))
    return rows


def counted_rows(counted: Mapping[str, int]) -> list[ResultRow]:
    """Instructions by name; every name has a row, and further items follow."""
    names = [*TIMED, *(name for name in counted if name not in TIMED)]
    return [ResultRow(name, counted.get(name)) for name in names]


def write_rows(file: Path, rows: Iterable[ResultRow]) -> None:
    """Write ``{"rows": [...]}``."""
    file.write_bytes(msgspec.json.format(msgspec.json.encode({"rows": list(rows)})) + b"\n")
