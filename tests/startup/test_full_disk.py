"""The disk fills up while the server runs: it says so, loses nothing, and goes on by itself once there is space."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest

from keyturn_simulator import Simulator, SimulatorSettings
from tests.support.clients import Answer, Application
from tests.support.clock import eventually
from tests.verification.crash.consistency import assert_consistent, assert_done_once
from tests.verification.crash.db_snapshot import copied, states

from .full_disks import Disk, limited_process, small_disk
from .installation import install
from .privileges import may_mount
from .process import ServerProcess, serving

pytestmark = pytest.mark.anyio

VEHICLES = 200
_WITHIN = 20.0


@pytest.fixture(params=[limited_process, small_disk] if may_mount() else [limited_process])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Disk]:
    with request.param(tmp_path / "disk") as made:
        yield made


@dataclass
class Running:
    """A server whose data is on that disk, and a client of it."""

    server: ServerProcess
    simulator: Simulator
    http: aiohttp.ClientSession
    client: Application

    @property
    def vins(self) -> list[str]:
        return [vehicle.vin for vehicle in self.simulator.simulation.fleet.values() if vehicle.ordinary]

    def done(self) -> set[str]:
        """Ids of what vehicles really did by now."""
        self.simulator.simulation.settle()
        return {actuation.client_ref for actuation in self.simulator.simulation.memory.ledger.all()}

    async def probe(self, path: str) -> int:
        """The HTTP code of a health endpoint."""
        async with self.http.get(f"{self.server.url}{path}") as response:
            return response.status

    async def lock(self, vin: str) -> Answer:
        """Repeating it is safe."""
        return await self.client.post(vin, "lock_door", **{"Idempotency-Key": vin})


@asynccontextmanager
async def running(folder: Path, disk: Disk) -> AsyncIterator[Running]:
    settings = SimulatorSettings(vehicles=VEHICLES, lively=False)
    async with Simulator(settings) as simulator, aiohttp.ClientSession() as http:
        installation = await install(folder, simulator.base_url, vehicles=VEHICLES, data=disk.at / "data")
        async with serving(installation.config) as server:
            client = await installation.logged_in(0, server.url, http)
            yield Running(server, simulator, http, client)


async def test_a_full_disk_is_said_and_survived(tmp_path: Path, disk: Disk) -> None:
    async with running(tmp_path, disk) as on:
        before, under_way, *others = on.vins
        told = [(await on.lock(before)).body["id"]]
        on.simulator.simulation.set_latency(1.0)
        told.append((await on.lock(under_way)).body["id"])
        disk.fill(on.server.pid)
        refused = await first_refused(on, others, told)
        assert await on.probe("/readyz") == 503
        assert await on.probe("/healthz") == 200
        assert (await on.client.get(told[0])).code == 200
        await eventually(lambda: told[1] in on.done(), _WITHIN)
        disk.free(on.server.pid)
        told.append(await accepted_again(on, refused))
        records = [await on.client.final(command_id) for command_id in told]
        assert await on.probe("/readyz") == 200
        assert await on.server.terminate() == 0
        with copied(disk.at / "data", tmp_path / "ended") as connection:
            assert_consistent(connection)
            assert_done_once(connection, on.simulator)
            assert sorted(states(connection)) == sorted(told)
    assert {record["status"] for record in records} == {"Success"}


async def first_refused(on: Running, vins: list[str], told: list[str]) -> str:
    """The first vehicle whose command the server could not take; what it did take is `told`."""
    for vin in vins:
        answer = await on.lock(vin)
        if answer.code != 200:
            assert (answer.code, answer.body) == (503, {"detail": "Service unavailable."})
            assert int(answer.headers["Retry-After"]) > 0
            return vin
        told.append(answer.body["id"])
    raise AssertionError("the disk never filled up")


async def accepted_again(on: Running, vin: str) -> str:
    """The command's id, from the server that refused it before."""
    async with asyncio.timeout(_WITHIN):
        while True:
            answer = await on.lock(vin)
            if answer.code == 200:
                return str(answer.body["id"])
            await asyncio.sleep(0.05)
