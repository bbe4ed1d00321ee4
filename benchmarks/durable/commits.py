"""How long a commit takes at worst: its log grows and is copied within commits, or is written full and copied beside.

    python -m benchmarks.durable.commits [commits per measurement]

One client writes units of 20 rows of 500 bytes, each with a commit of its own. `within` is what SQLite does by itself,
every 4,000 pages; `beside` is a server's store. Taken in turns, three times; milliseconds.
"""

import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import uvloop
from rich.console import Console
from rich.table import Table

from keyturn.clock import SystemClock
from keyturn.store.port import Tx
from keyturn.store.sqlite.store import SqliteStore, open_sqlite

ROUNDS = 3
ROWS = 20
TEXT = "x" * 500
LONG = 0.015
"""Seconds that no commit should take."""


class Cell(NamedTuple):
    """One measurement: seconds, and how many commits took longer than `LONG`."""

    median: float
    p99: float
    longest: float
    long: int


def lay_out(tx: Tx) -> None:
    tx.run("CREATE TABLE line (number INTEGER PRIMARY KEY, text TEXT NOT NULL)")


def add_rows(tx: Tx) -> None:
    for _ in range(ROWS):
        tx.run("INSERT INTO line (text) VALUES (?1)", TEXT)


async def measure(design: str, commits: int) -> Cell:
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as name:
        await open_in(Path(name), serving=False).close()  # beside an empty database there is no log to prepare
        store = open_in(Path(name), serving=design == "beside")
        if design == "within":
            store._writer._connection.wal_autocheckpoint(4_000)  # in place of what counts the log's pages
        await store.write(lay_out)
        seconds = [await timed(store) for _ in range(commits)]
        await store.close()
    seconds.sort()
    return Cell(seconds[commits // 2], seconds[int(commits * 0.99)], seconds[-1], sum(each > LONG for each in seconds))


def open_in(directory: Path, *, serving: bool) -> SqliteStore:
    return open_sqlite(directory, SystemClock(), lambda _topic, _key, _row=None: None, serving=serving)


async def timed(store: SqliteStore) -> float:
    started = time.perf_counter()
    await store.write(add_rows)
    return time.perf_counter() - started


async def main(commits: int) -> None:
    table = Table("design", "p50 ms", "p99 ms", "longest ms", f"over {LONG * 1e3:.0f} ms")
    for _ in range(ROUNDS):
        for design in ("within", "beside"):
            cell = await measure(design, commits)
            figures = (f"{each * 1e3:.2f}" for each in (cell.median, cell.p99, cell.longest))
            table.add_row(design, *figures, f"{cell.long} of {commits}")
    Console().print(table)


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 2_000))
