"""Why units of work run in the event loop's thread: group commit in three designs, reads in two.

    python -m benchmarks.store_bench [seconds per measurement]

Every client is a closed loop of units of work. With a busy event loop each client parses a request first, and four more
parse without a pause: a thread then waits for the interpreter lock whenever it comes back from SQLite.
Writes: `loop` is the product (units in the loop, COMMIT in a thread), `thread` runs both in a writer thread: it comes
back after every statement. `inline` runs both in the loop: as fast as the disk, but when it stalls, all clients do.
Reads: `loop` is the product, `thread` hands each read to a thread. Latency is the store's, lag is how late the loop
runs; each row is the median of three measurements by rate, taken in turns.
"""

import asyncio
import itertools
import queue
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import uvloop
from rich.console import Console
from rich.table import Table

from benchmarks.store_units import accept, lay_out, look
from keyturn.clock import SystemClock
from keyturn.store.sqlite.batch import Batch
from keyturn.store.sqlite.connection import check_references, connect, make_durable
from keyturn.store.sqlite.directory import FILE_NAME
from keyturn.store.sqlite.reader import Reader
from keyturn.store.sqlite.store import SqliteStore, open_sqlite
from keyturn.timekeeping import Moment, Timekeeper

REQUEST_SECONDS = 60e-6
"""Python per request while the loop is busy."""
OTHERS = 4
"""Requests under way that write nothing, while the loop is busy."""
COMMANDS_TO_READ = 2000

Work = Callable[[Any], object]
Call = Callable[[Work], Awaitable[object]]
Run = Callable[[str, int, int, float], Coroutine[Any, Any, "Cell"]]


class Cell(NamedTuple):
    """One measurement: per second, and milliseconds."""

    rate: float
    median: float
    p99: float
    lag: float


class Inline(Executor):
    """Runs what it is given at once, in the loop."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        done: Future[Any] = Future()
        done.set_result(fn(*args, **kwargs))
        return done


class WriterThread:
    """The design that was not taken: units and COMMIT in a thread of their own."""

    def __init__(self, path: Path, loop: asyncio.AbstractEventLoop) -> None:
        self._connection = connect(path, "rw")
        make_durable(self._connection, path)
        check_references(self._connection)
        self._loop = loop
        self._queue: queue.SimpleQueue[tuple[Work, asyncio.Future[Any]] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    async def write(self, work: Work) -> object:
        promise = self._loop.create_future()
        self._queue.put((work, promise))
        return await promise

    def close(self) -> None:
        self._queue.put(None)
        self._thread.join()
        self._connection.close()

    def _serve(self) -> None:
        while (unit := self._queue.get()) is not None:
            batch = Batch(self._connection, Moment(now := time.time_ns() // 1000, now))
            batch.begin()
            batch.run(*unit)
            while not self._queue.empty() and len(batch) < 256 and (unit := self._queue.get()) is not None:
                batch.run(*unit)
            self._connection.execute("COMMIT")
            self._loop.call_soon_threadsafe(batch.resolve)


def parse(iterations: int) -> dict[str, int]:
    """Stands for the Python of one request."""
    return {str(number): number for number in range(iterations)}


def iterations_in(seconds: float) -> int:
    started = time.perf_counter()
    for _ in range(100):
        parse(1000)
    return round(seconds * 100 * 1000 / (time.perf_counter() - started))


async def measure(call: Call, works: Iterator[Work], clients: int, iterations: int, seconds: float) -> Cell:
    latencies: list[float] = []
    lags: list[float] = []
    until = time.perf_counter() + seconds

    async def client() -> None:
        while time.perf_counter() < until:
            parse(iterations)
            await asyncio.sleep(0)
            started = time.perf_counter()
            await call(next(works))
            latencies.append(time.perf_counter() - started)

    async def other() -> None:
        while iterations and time.perf_counter() < until:
            parse(iterations)
            await asyncio.sleep(0)

    async def watch() -> None:
        while (due := time.perf_counter() + 0.005) < until:
            await asyncio.sleep(0.005)
            lags.append(time.perf_counter() - due)

    started = time.perf_counter()
    await asyncio.gather(watch(), *(client() for _ in range(clients)), *(other() for _ in range(OTHERS)))
    rate = len(latencies) / (time.perf_counter() - started)
    return Cell(rate, quantile(latencies, 0.5), quantile(latencies, 0.99), quantile(lags, 0.99))


def quantile(values: list[float], q: float) -> float:
    return sorted(values)[int(len(values) * q)] * 1e3


@asynccontextmanager
async def new_store(disk: Executor | None = None) -> AsyncIterator[tuple[SqliteStore, Path]]:
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as name:
        store = open_sqlite(Path(name), SystemClock(), lambda _topic, _key, _row=None: None, disk=disk)
        await store.write(lay_out)
        yield store, Path(name) / FILE_NAME
        await store.close()


async def writing(design: str, clients: int, iterations: int, seconds: float) -> Cell:
    works = (partial(accept, number=number) for number in itertools.count())
    async with new_store(Inline() if design == "inline" else None) as (store, path):
        if design != "thread":
            return await measure(store.write, works, clients, iterations, seconds)
        writer = WriterThread(path, asyncio.get_running_loop())
        cell = await measure(writer.write, works, clients, iterations, seconds)
        writer.close()
        return cell


async def reading(design: str, clients: int, iterations: int, seconds: float) -> Cell:
    works = (partial(look, number=number * 7 % COMMANDS_TO_READ) for number in itertools.count())
    async with new_store() as (store, path):
        await asyncio.gather(*(store.write(partial(accept, number=number)) for number in range(COMMANDS_TO_READ)))
        if design == "loop":
            return await measure(store.read, works, clients, iterations, seconds)
        reader, clock = Reader(connect(path, "ro")), Timekeeper(SystemClock())
        with ThreadPoolExecutor(1) as pool:
            loop = asyncio.get_running_loop()

            async def hand_over(work: Work) -> object:
                return await loop.run_in_executor(pool, partial(reader.run, work, clock.moment))

            cell = await measure(hand_over, works, clients, iterations, seconds)
        reader.close()
        return cell


def show(title: str, run: Run, designs: list[str], seconds: float) -> None:
    table = Table(
        "event loop", "clients", "design", "per second", "ratio", "p50 ms", "p99 ms", "lag p99 ms", title=title
    )
    for iterations, clients in itertools.product((0, iterations_in(REQUEST_SECONDS)), (1, 8, 64)):
        turns = [
            {design: uvloop.run(run(design, clients, iterations, seconds)) for design in designs} for _ in range(3)
        ]
        cells = {design: sorted(turn[design] for turn in turns)[1] for design in designs}
        for design, cell in cells.items():
            ratio = cell.rate / cells[designs[0]].rate
            figures = f"{cell.rate:.0f}", f"{ratio:.2f}", f"{cell.median:.2f}", f"{cell.p99:.2f}", f"{cell.lag:.2f}"
            table.add_row("busy" if iterations else "idle", str(clients), design, *figures)
        table.add_section()
    Console().print(table)


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 1.0
    show("Durable units of work", writing, ["loop", "thread", "inline"], seconds)
    show("Point reads", reading, ["loop", "thread"], seconds)


if __name__ == "__main__":
    main()
