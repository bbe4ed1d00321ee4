"""Counts items one after the other, each in a process and on a copy of the data of its own."""

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from benchmarks.installation import Installation, prepare
from benchmarks.instructions import callgrind
from benchmarks.instructions.driven import Facts, Work
from benchmarks.node import BenchNode

ITEMS = {
    "noop": 1_024,
    "post": 832,
    "post_oem": 512,
    "get": 1_024,
    "lifecycle": 640,
    "verified_lifecycle": 448,
}
"""The items by their names, and how many of each are counted."""
WARM_UP = 192
VEHICLES = 1_200
"""More than an item's count, its warm-up and those in flight: no lane is met twice."""
SLOWER = 50.0
"""How much slower a counted process is than another."""
_HELD = ("noop", "post", "get")
"""Items whose vehicles have an open command at the OEM, so that nothing is sent."""
DRIVEN = "benchmarks.instructions.driven"


class Counted(NamedTuple):
    """What one item took."""

    name: str
    instructions: int
    facts: Facts
    items: int

    def line(self) -> str:
        """For a reader: the count, and how the store's commits were shared."""
        facts = self.facts
        text = f"{self.name:20} {self.instructions:>12,}"
        if facts.units:
            text += f"   {facts.units / self.items:.2f} units, {facts.units / max(1, facts.commits):.1f} a commit"
        return text + (f", {facts.reads / self.items:.2f} readings" if facts.reads else "")


class Bench:
    """Prepares the data once. Raises `NoCounter`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._prepared: dict[bool, Installation] = {}

    def count(self, item: str) -> Counted:
        """Instructions of an item: the mean over many, 64 in flight. Raises `NoCounter`."""
        library = callgrind.build(self.folder)
        work = msgspec.structs.replace(self.work(item), slower=SLOWER, library=str(library))
        output = self.folder / f"{item}.out"
        total, printed = callgrind.run(DRIVEN, msgspec.json.encode(work).decode(), output)
        callgrind.dump_of(output).rename(self.folder / f"{item}.callgrind")
        facts = msgspec.json.decode(printed.splitlines()[-1], type=Facts)
        return Counted(item, total // work.items, facts, work.items)

    def work(self, item: str) -> Work:
        """The work of counting an item, on a fresh copy of the data."""
        held = item in _HELD
        if held not in self._prepared:
            self._prepared[held] = asyncio.run(_prepare(self.folder / f"prepared-{held}", held))
        installation = self._prepared[held]
        data = self.folder / f"data-{item}"
        shutil.rmtree(data, ignore_errors=True)
        shutil.copytree(installation.data, data)
        return Work(item, str(data), installation.token, installation.sign_secret, WARM_UP, ITEMS[item], VEHICLES)


def count_all() -> Iterator[Counted]:
    """Count every item, and print it. Raises `NoCounter`."""
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        for item in ITEMS:
            counted = bench.count(item)
            print(counted.line(), flush=True)
            yield counted


async def _prepare(data: Path, held: bool) -> Installation:
    """A node has run on it, and has left nothing to be done once after a start."""
    installation = await prepare(data, VEHICLES, held=held)
    node = BenchNode(installation)
    await node.start()
    await node.at_rest()
    await node.stop()
    return installation
