"""``python -m benchmarks.instructions.driven``: the process that is counted, a node whose connections have no sockets.

The processor is some fifty times as slow here as in reality. So a batch of the store is bounded by its units and not by
its time, and what runs by the clock is stopped once the node is at rest: it would run fifty times as often.
"""

import asyncio
import itertools
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import uvloop

from benchmarks.engine import lifecycle_requests
from benchmarks.installation import ANSWERED, AWAITED, Installation, vins
from benchmarks.instructions.callgrind import Counter
from benchmarks.node import BenchNode
from benchmarks.oem import ReadingOem
from benchmarks.requests import NOOP, VEHICLE_COMMAND, gets, signed_posts
from keyturn.api.server.server import Server

IN_FLIGHT = 64
_STRETCHED = 10.0
"""Seconds of one batch of the store."""
_UNITS = 8
"""Units of one batch, as they are in reality with so many connections."""
_COMMAND, _VERIFIED = "lock_door", "lock_door"


class Wire:
    """A transport without a socket: sends a request, and the next one once it is answered."""

    def __init__(
        self, factory: Callable[[], Any], requests: Iterator[bytes], answered: Callable[[bytes], None]
    ) -> None:
        self._protocol = factory()
        self._requests = requests
        self._answered = answered
        self._protocol.connection_made(self)
        self._send()

    def write(self, data: bytes) -> None:
        if data.startswith(b"HTTP/1.1 "):
            self._answered(data)
            asyncio.get_running_loop().call_soon(self._send)

    def _send(self) -> None:
        if (request := next(self._requests, None)) is not None:
            self._protocol.data_received(request)

    def get_extra_info(self, name: str, default: object = None) -> object:
        return ("127.0.0.1", 40_000) if name in ("peername", "sockname") else default

    def is_closing(self) -> bool:
        return False

    def set_write_buffer_limits(self, *_limits: object, **_named: object) -> None:
        """Nothing is buffered."""

    def get_write_buffer_size(self) -> int:
        return 0

    def pause_reading(self) -> None:
        """Nothing comes before it is asked for."""

    resume_reading = pause_reading


class Driver:
    """Counts items from number `warm_up` until `items` more are done."""

    def __init__(self, counter: Counter | None, warm_up: int, items: int) -> None:
        self._counter = counter
        self._first, self._last = warm_up, warm_up + items
        self._done = 0
        self.commits = 0
        """While it counted."""
        self.finished = asyncio.get_running_loop().create_future()

    def note_commit(self, units: int) -> None:
        """The store committed a batch of so many units."""
        self.commits += units > 0 and self._first <= self._done < self._last

    def note(self, answer: bytes = b"HTTP/1.1 200") -> None:
        """One more item is done."""
        if not answer.startswith(b"HTTP/1.1 200"):
            raise SystemExit(answer.decode())
        self._done += 1
        if self._counter is not None and self._done == self._first:
            self._counter.start()
        if self._done == self._last:
            if self._counter is not None:
                self._counter.stop()
            self.finished.set_result(None)


async def drive(item: str, installation: Installation, driver: Driver, vehicles: int) -> int:
    """Serve the items; the number of commits per hundred of them."""
    listeners: list[Callable[[], Any]] = []
    listen = Server._listen

    async def listening(server: Server, app: Any, bind: Callable[..., Any], *others: Any) -> int:
        def bound(factory: Callable[[], Any]) -> Any:
            listeners.append(factory)
            return bind(factory)

        return await listen(server, app, bound, *others)

    node = BenchNode(installation)
    if item == "verified_lifecycle":
        node.oems = {name: ReadingOem(oem.capabilities.initiate_wait or 0.0) for name, oem in node.oems.items()}
    with patch.object(Server, "_listen", listening):
        await node.start()
    node.metrics.observe_batch = driver.note_commit  # type: ignore[method-assign]
    await node.at_rest()
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()
    if "lifecycle" in item:
        commands = await lifecycle_requests(node, AWAITED, vehicles, _VERIFIED if "verified" in item else "alert")
        workers = [asyncio.create_task(_lifecycles(node, commands, driver)) for _ in range(IN_FLIGHT)]
    else:
        requests = await _requests(item, installation, node, vehicles)
        workers = [Wire(listeners[0], requests, driver.note) for _ in range(IN_FLIGHT)]  # type: ignore[misc]
    await driver.finished
    return len(workers)


async def _lifecycles(node: BenchNode, commands: Iterator[Any], driver: Driver) -> None:
    for command in commands:
        await node.runtime.service.submit(command)
        driver.note()


async def _requests(item: str, installation: Installation, node: BenchNode, vehicles: int) -> Iterator[bytes]:
    if item == "get":
        rows = await node.store.read(lambda tx: tx.all("SELECT id FROM command ORDER BY id LIMIT 500"))
        return itertools.cycle(gets(installation, [row[0] for row in rows]))
    path = NOOP if item == "noop" else VEHICLE_COMMAND
    connector = AWAITED if item == "post_oem" else ANSWERED
    return itertools.cycle(signed_posts(path, installation, vins(connector, vehicles), _COMMAND))


def main() -> None:
    """Arguments: the item, the installation as JSON, the library or nothing, warm-up, items, vehicles."""
    item, where, library, warm_up, items, vehicles = sys.argv[1:]
    data, token, secret = json.loads(where)
    counter = Counter(Path(library)) if library else None

    async def counted() -> None:
        driver = Driver(counter, int(warm_up), int(items))
        await drive(item, Installation(Path(data), token, secret), driver, int(vehicles))
        print(driver.commits)

    with patch.multiple("keyturn.store.sqlite.writer", BATCH_SECONDS=_STRETCHED, BATCH_UNITS=_UNITS):
        uvloop.run(_left(counted()))


async def _left(work: Any) -> None:
    """What is under way when the last item is done is not waited for."""
    await work
    sys.stdout.flush()
    import os

    os._exit(0)


if __name__ == "__main__":
    main()
