"""Which Python functions an item runs: calls, and their share of its time, by cProfile and without valgrind.

cProfile makes calls dearer than they are. Calls an item are exact; shares tell where to look, and counts decide.
"""

import pstats
import subprocess
import sys
from pathlib import Path

import msgspec

from benchmarks.instructions.counting import DRIVEN, Bench

_SRC = "/src/"


def show_functions(bench: Bench, item: str, count: int) -> None:
    """Print the functions with the largest inclusive share, then those with the largest of their own."""
    work = bench.work(item)
    file = bench.folder / f"{item}.profile"
    work = msgspec.structs.replace(work, profile=str(file))
    subprocess.run(
        [sys.executable, "-m", DRIVEN, msgspec.json.encode(work).decode()], check=True, stdout=subprocess.DEVNULL
    )
    stats = pstats.Stats(str(file)).stats  # type: ignore[attr-defined]
    whole = sum(own for _, _, own, _, _ in stats.values())
    for heading, place in (("inclusive", 3), ("own", 2)):
        print(f"\n{item}: functions by their {heading} share of the time")
        print(f"{'calls an item':>14} {'own':>7} {'inclusive':>10}  function")
        ranked = sorted(stats.items(), key=lambda each: -each[1][place])
        for where, (_, calls, own, inclusive, _) in ranked[:count]:
            print(f"{calls / work.items:14.2f} {own / whole:7.1%} {inclusive / whole:10.1%}  {_named(where)}")


def _named(where: tuple[str, int, str]) -> str:
    file, line, function = where
    return function if file == "~" else f"{Path(file).as_posix().rpartition(_SRC)[2]}:{line} {function}"
