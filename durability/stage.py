"""A simulated OEM, an installation with vehicles, and servers under strace one after the other."""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from keyturn_simulator import Simulator, SimulatorSettings
from tests.e2e.application import Application
from tests.startup.installation import Installation, install, written_config
from tests.startup.process import ServerProcess

from .databases import write
from .disk import Image
from .load import Asked, Client
from .recording import Recording, read_recording, stored
from .server import port_of, traced

_STREAMS = 6
"""Requests under way at once."""
_VEHICLES_OF_A_STREAM = 6


@dataclass
class Run:
    """A server that is being recorded."""

    server: ServerProcess
    clients: list[Client]
    asked: Asked

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
        self, injections: Sequence[str] = (), *, asked: Asked | None = None, installation: Installation | None = None
    ) -> AsyncIterator[Run]:
        """A server under strace; its recording is the last one once this is over."""
        where, number = installation or self.installation, len(self.recordings)
        base, log = stored(where.data), self.folder / f"calls-{number}"
        asked = {} if asked is None else asked
        async with traced(where.config, log, injections) as server:
            yield Run(server, [await self._client(where, n, server.url, asked) for n in range(_STREAMS)], asked)
        ports = port_of(server.url), port_of(self.simulator.base_url)
        self.recordings.append(read_recording(log, where.data, base, *ports, asked))

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

    async def _client(self, where: Installation, number: int, url: str, asked: Asked) -> Client:
        application: Application = await where.logged_in(number % len(where.applications), url, self.http)
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
