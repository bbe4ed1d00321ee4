"""Test environment: a simulated OEM, an installation with vehicles, and servers under strace one after the other."""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
from tests.startup.installation import Installation, install, written_config
from tests.startup.process import ServerProcess, serving

from keyturn_simulator import Simulator, SimulatorSettings
from verification.durability.databases import write
from verification.durability.disk import Image
from verification.durability.load import Asked, Client
from verification.durability.recording import Recording, read_recording, stored
from verification.durability.server import attached, port_of, traced

_STREAMS = 6
"""Requests under way at once."""
_VEHICLES_OF_A_STREAM = 6
_REST = 0.3
"""Seconds."""


@dataclass
class Run:
    """A server with its clients."""

    server: ServerProcess
    data: Path
    clients: list[Client]
    asked: Asked

    async def rest(self) -> None:
        """Returns once the server has written nothing for a while."""
        log, written_at = self.data / "keyturn.db-wal", [-1, 0]
        while written_at[-1] != written_at[-2]:
            await asyncio.sleep(_REST)
            written_at.append(log.stat().st_mtime_ns)

    async def load(self, requests: int) -> None:
        """About so many requests, from all clients at once."""
        async with asyncio.TaskGroup() as group:
            for client in self.clients:
                group.create_task(client.run(requests // len(self.clients)))


@dataclass
class Stage:
    """What outlives a server."""

    folder: Path
    installation: Installation
    simulator: Simulator
    http: aiohttp.ClientSession
    chance: random.Random
    recordings: list[Recording] = field(default_factory=list)

    @asynccontextmanager
    async def recorded(
        self, installation: Installation | None = None, injections: Sequence[str] = ()
    ) -> AsyncIterator[Run]:
        """A server that is recorded from its start to its end. Raises UnexplainedChange."""
        where, log = installation or self.installation, self._log()
        base = stored(where.data)
        async with traced(where.config, log, injections) as server:
            run = await self._run(where, server)
            yield run
        self._keep(log, base, run)
        self.recordings[-1].check_complete(stored(where.data))

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Run]:
        """A server that is not traced."""
        async with serving(self.installation.config) as server:
            yield await self._run(self.installation, server)

    @asynccontextmanager
    async def watched(self, run: Run, injections: Sequence[str] = ()) -> AsyncIterator[None]:
        """A running server is recorded meanwhile. It is at rest as this begins: all that it has written is durable."""
        base, log = stored(run.data), self._log()
        async with attached(run.server.pid, log, injections):
            yield
        self._keep(log, base, run)

    def restored(self, image: Image, name: str) -> Installation:
        """An installation whose data directory is what a power cut left."""
        folder = self.folder / name
        data = folder / "data"
        data.mkdir(parents=True)
        write(image, data)
        config = written_config(folder, data, self.simulator.base_url)
        return Installation(config, data, self.installation.applications)

    @property
    def vins(self) -> list[str]:
        return [vehicle.vin for vehicle in self.simulator.simulation.fleet.values() if vehicle.ordinary]

    def _log(self) -> Path:
        return self.folder / f"calls-{len(self.recordings)}"

    def _keep(self, log: Path, base: Image, run: Run) -> None:
        ports = port_of(run.server.url), port_of(self.simulator.base_url)
        self.recordings.append(read_recording(log, run.data, base, *ports, run.asked))
        log.unlink()

    async def _run(self, where: Installation, server: ServerProcess) -> Run:
        asked: Asked = {}
        clients = [await self._client(where, number, server.url, asked) for number in range(_STREAMS)]
        return Run(server, where.data, clients, asked)

    async def _client(self, where: Installation, number: int, url: str, asked: Asked) -> Client:
        application = await where.logged_in(number % len(where.applications), url, self.http)
        chance = random.Random(self.chance.random())
        return Client(application, self.vins, self.vins[number::_STREAMS], chance, asked)


@asynccontextmanager
async def stage(folder: Path, seed: int) -> AsyncIterator[Stage]:
    """An installation whose OEM is the simulator; no server yet."""
    vehicles = _STREAMS * _VEHICLES_OF_A_STREAM
    settings = SimulatorSettings(vehicles=vehicles, lively=False, latency_median=0.2)
    async with Simulator(settings) as simulator, aiohttp.ClientSession() as http:
        installation = await install(folder, simulator.base_url, vehicles=vehicles, applications=2)
        yield Stage(folder, installation, simulator, http, random.Random(seed))
