"""``python -m benchmarks.instructions [ITEM ...]``: instructions of each item, counted under valgrind."""

import argparse
import asyncio
import json
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from benchmarks.installation import Installation, prepare
from benchmarks.instructions.callgrind import build, run

ITEMS = {"noop": 400, "get": 400, "post": 400, "post_oem": 200, "lifecycle": 300, "verified_lifecycle": 150}
"""Items, and how many of each are counted."""
_WARM_UP = 200
_VEHICLES = 1_000


class Count(NamedTuple):
    """Of one item. The fewer commits it takes, the less it costs: a batch has some work of its own."""

    instructions: int
    commits: float


def count(items: Iterable[str], folder: Path) -> dict[str, Count]:
    """What each item costs, in this order."""
    library = build(folder)
    prepared = {held: asyncio.run(prepare(folder / held, _VEHICLES, held=held == "held")) for held in ("held", "free")}
    counted = {}
    for item in items:
        installation = prepared["held" if item in ("noop", "get", "post") else "free"]
        place = Path(shutil.copytree(installation.data, folder / f"data-{item}"))
        total, commits = _count(item, installation._replace(data=place), library, folder / f"callgrind.{item}")
        counted[item] = Count(total // ITEMS[item], commits / ITEMS[item])
    return counted


def _count(item: str, installation: Installation, library: Path, output: Path) -> tuple[int, int]:
    where = json.dumps([str(installation.data), installation.token, installation.sign_secret])
    numbers = (_WARM_UP, ITEMS[item], _VEHICLES)
    total, printed = run("benchmarks.instructions.driven", [item, where, str(library), *map(str, numbers)], output)
    return total, int(printed.split()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.instructions", description=__doc__)
    parser.add_argument("items", nargs="*", choices=[*ITEMS, []], help="all of them without any")
    parser.add_argument("--keep", type=Path, help="keep callgrind's files in this folder")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for item, counted in count(given.items or ITEMS, Path(folder)).items():
            print(f"{item:20} {counted.instructions:>12,} {counted.commits:8.3f} commits", flush=True)
        if given.keep:
            given.keep.mkdir(parents=True, exist_ok=True)
            for file in Path(folder).glob("callgrind.*"):
                shutil.copy(file, given.keep)


if __name__ == "__main__":
    main()
