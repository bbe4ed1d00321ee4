"""``python -m benchmarks.instructions.driven``: the process that is counted, a node whose connections have no sockets.

64 connections, or callers of the command service, are in flight. Counting begins when the node is at rest after a
warm-up, and ends when it is at rest again: whatever an item causes is counted, also what runs after its answer.
"""

import asyncio
import cProfile
import itertools
import os
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import msgspec

from benchmarks.engine import lifecycle_requests
from benchmarks.installation import ANSWERED, AWAITED, Installation, vins
from benchmarks.instructions.callgrind import Callgrind
from benchmarks.instructions.slow import Factory, SlowClock, SlowLoop, Wire
from benchmarks.node import BenchNode
from benchmarks.oem import InstantOem, ReadingOem
from benchmarks.requests import NOOP, VEHICLE_COMMAND, gets, signed_posts
from keyturn.commands.admission.requests import CommandRequest

IN_FLIGHT = 64
COMMANDS_READ = 500
_POSTED, _EXECUTED, _VERIFIED = "lock_door", "alert", "lock_door"
"""The second has nothing to verify afterwards: Executed is its end."""
_LOOK = 0.2
"""Seconds of the machine in which a process at rest uses hardly any of the processor."""
_DELAYED = 0.06
"""Seconds of the node by which work for an item may be delayed, to be done for many items together."""
_BATCHES = re.compile(r"^keyturn_store_batch_units_(count|sum) ([0-9.]+)$", re.MULTILINE)


class Work(msgspec.Struct, frozen=True):
    """What to count. `library`: the requests to valgrind. `profile`: run cProfile instead, and write it there."""

    item: str
    data: str
    token: str
    sign_secret: str
    warm_up: int
    items: int
    vehicles: int
    slower: float = 1.0
    library: str | None = None
    profile: str | None = None


class Facts(msgspec.Struct, frozen=True):
    """What the counted process noticed: units of the store's writer, its commits, and readings of vehicles."""

    units: float
    commits: float
    reads: int


class Counter(Protocol):
    """Counts from `start` to `stop`."""

    def start(self) -> object: ...

    def stop(self) -> object: ...


class Nothing:
    """Counts nothing."""

    def start(self) -> None: ...

    def stop(self) -> None: ...


class Profile:
    """Calls and times of Python functions, of the thread that it is started in."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._profile = cProfile.Profile()

    def start(self) -> None:
        self._profile.enable()

    def stop(self) -> None:
        self._profile.disable()
        self._profile.dump_stats(self._file)


class Items:
    """Runs items on a node, by 64 at a time."""

    def __init__(self, work: Work, node: BenchNode) -> None:
        self._node = node
        self._rest = max(_LOOK, _DELAYED * work.slower)
        self._slower = work.slower
        self._missing = 0

    async def run(self, count: int) -> None:
        """Until so many are done and nothing is left to do for them."""
        self._missing = count
        self._finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.begin(count)
        await self._finished
        await self.at_rest()

    async def at_rest(self) -> None:
        """Until the process has not worked for a while."""
        quiet = 0.0
        while quiet < self._rest:
            before = time.process_time()
            await asyncio.sleep(_LOOK / self._slower)
            quiet = quiet + _LOOK if time.process_time() - before < _LOOK / 10 else 0.0

    def begin(self, count: int) -> None:
        """Set so many going."""
        raise NotImplementedError

    def note(self) -> None:
        """One more is done."""
        self._missing -= 1
        if not self._missing:
            self._finished.set_result(None)


class Requests(Items):
    """Requests over connections."""

    def __init__(self, work: Work, node: BenchNode, factory: Factory, requests: Iterator[bytes]) -> None:
        super().__init__(work, node)
        self._requests = requests
        self._wires = [Wire(factory, self._answered) for _ in range(IN_FLIGHT)]

    def begin(self, count: int) -> None:
        these = itertools.islice(self._requests, count)
        for wire in self._wires:
            wire.send(these)

    def _answered(self, answer: bytes) -> None:
        if not answer.startswith(b"HTTP/1.1 200"):
            raise SystemExit(answer.decode())
        self.note()


class Lifecycles(Items):
    """Commands of the command service, without HTTP."""

    def __init__(self, work: Work, node: BenchNode, commands: Iterator[CommandRequest]) -> None:
        super().__init__(work, node)
        self._commands = commands
        self._callers: list[asyncio.Task[None]] = []
        self._newest = ("", "")

    def begin(self, count: int) -> None:
        these = itertools.islice(self._commands, count)
        self._callers = [asyncio.create_task(self._call(these)) for _ in range(IN_FLIGHT)]

    async def check(self) -> None:
        """The newest command was executed."""
        record = await self._node.runtime.service.get(*self._newest)
        if record is None or record["status"] != "Success":
            raise SystemExit(f"Not executed: {record}")

    async def _call(self, commands: Iterator[CommandRequest]) -> None:
        for command in commands:
            answer = await self._node.runtime.service.submit(command)
            self._newest = command.company_id, str(answer.body["id"])
            self.note()


async def drive(work: Work, loop: SlowLoop, counter: Counter) -> Facts:
    """Run the warm-up, then the counted items."""
    installation = Installation(Path(work.data), work.token, work.sign_secret)
    clock = SlowClock(work.slower)
    verified = work.item == "verified_lifecycle"
    node = BenchNode(installation, oem=(lambda wait: ReadingOem(wait, clock)) if verified else InstantOem, clock=clock)
    await node.start()
    items: Items
    if "lifecycle" in work.item:
        items = Lifecycles(
            work, node, await lifecycle_requests(node, AWAITED, work.vehicles, _VERIFIED if verified else _EXECUTED)
        )
    else:
        items = Requests(work, node, loop.factories[0], await _requests(work, installation, node))
    await items.at_rest()
    await items.run(work.warm_up)
    before = _facts(node)
    counter.start()
    await items.run(work.items)
    counter.stop()
    after = _facts(node)
    if isinstance(items, Lifecycles):
        await items.check()
    return Facts(after.units - before.units, after.commits - before.commits, after.reads - before.reads)


def _facts(node: BenchNode) -> Facts:
    found = {name: float(value) for name, value in _BATCHES.findall(node.metrics.render().decode())}
    reads = sum(oem.reads for oem in node.oems.values() if isinstance(oem, ReadingOem))
    return Facts(found["sum"], found["count"], reads)


async def _requests(work: Work, installation: Installation, node: BenchNode) -> Iterator[bytes]:
    if work.item == "get":
        rows = await node.store.read(lambda tx: tx.all(f"SELECT id FROM command ORDER BY id LIMIT {COMMANDS_READ}"))
        return itertools.cycle(gets(installation, [row[0] for row in rows]))
    path = NOOP if work.item == "noop" else VEHICLE_COMMAND
    connector = AWAITED if work.item == "post_oem" else ANSWERED
    return itertools.cycle(signed_posts(path, installation, vins(connector, work.vehicles), _POSTED))


def main() -> None:
    """The argument is `Work` as JSON; prints `Facts` as JSON."""
    work = msgspec.json.decode(sys.argv[1], type=Work)
    counter: Counter = Nothing()
    if work.library is not None:
        counter = Callgrind(Path(work.library))
    elif work.profile is not None:
        counter = Profile(work.profile)
    loop = SlowLoop(work.slower)
    asyncio.set_event_loop(loop)
    facts = loop.run_until_complete(drive(work, loop, counter))
    print(msgspec.json.encode(facts).decode(), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main()
