"""A simulated OEM that lives on, servers that do not, and clients that keep them busy."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
from verification.crash.processes import free_port

from keyturn_simulator import Simulator, SimulatorSettings
from tests.startup.installation import Installation, install
from tests.startup.process import ServerProcess, serving
from tests.support.clients import Application
from tests.verification.crash.clients import Client, LoadControl, PostResult

_STREAMS = 4
"""Requests that one application has under way at once."""


@dataclass
class CrashStage:
    """Everything that outlives a server."""

    installation: Installation
    simulator: Simulator
    http: aiohttp.ClientSession
    chance: random.Random
    load_control: LoadControl = field(default_factory=LoadControl)
    clients: list[Client] = field(default_factory=list)
    port: int = field(default_factory=free_port)

    @property
    def data(self) -> Path:
        return self.installation.data

    @property
    def vins(self) -> list[str]:
        return [vehicle.vin for vehicle in self.simulator.simulation.fleet.values() if vehicle.ordinary]

    @property
    def posts(self) -> list[PostResult]:
        """Ids from all answers."""
        return [post for client in self.clients for post in client.posts]

    @asynccontextmanager
    async def server(self) -> AsyncIterator[ServerProcess]:
        """A server on the same data and port as the one before it, with the load on."""
        async with serving(self.installation.config, port=self.port) as server:
            self.load_control.open.set()
            try:
                yield server
            finally:
                self.load_control.open.clear()

    async def application(self, number: int = 0) -> Application:
        """The application of that number, logged in with the server that is up."""
        return await self.installation.logged_in(number, f"http://127.0.0.1:{self.port}", self.http)

    @asynccontextmanager
    async def load(self) -> AsyncIterator[list["asyncio.Task[None]"]]:
        """Clients of every application, which send whenever a server is up and end when the load is stopping."""
        async with asyncio.TaskGroup() as group:
            numbers = range(len(self.installation.applications))
            yield [group.create_task(self._run_client(number)) for number in numbers for _ in range(_STREAMS)]

    async def _run_client(self, number: int) -> None:
        await self.load_control.open.wait()
        chance = random.Random(self.chance.random())
        client = Client(await self.application(number), self.vins, chance, self.load_control)
        self.clients.append(client)
        await client.run()


@asynccontextmanager
async def crash_stage(
    folder: Path, *, seed: int, vehicles: int, applications: int, latency: float
) -> AsyncIterator[CrashStage]:
    """An installation whose OEM is the simulator, with this median latency in seconds; no server yet."""
    settings = SimulatorSettings(vehicles=vehicles, lively=False, latency_median=latency)
    async with (
        Simulator(settings) as simulator,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http,
    ):
        installation = await install(folder, simulator.base_url, vehicles=vehicles, applications=applications)
        yield CrashStage(installation, simulator, http, random.Random(seed))
