from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from keyturn_simulator import Simulator, SimulatorClock, SimulatorSettings

NOON = 1_760_011_200_000_000
TOKEN = SimulatorSettings().token
Json = Any


class Oem:
    """A client of one API of a running simulator, and of its ledger and control API."""

    def __init__(self, session: aiohttp.ClientSession, base_url: str, prefix: str = "") -> None:
        self.session = session
        self.base_url = base_url
        self.api_url = base_url + prefix

    def relay(self) -> "Oem":
        return Oem(self.session, self.base_url, "/relay")

    async def call(self, method: str, url: str, **options: Any) -> tuple[int, Json]:
        async with self.session.request(method, url, **options) as response:
            return response.status, await response.json()

    async def send(self, vin: str, command: str, ref: str = "ref-1", **body: Any) -> tuple[int, Json]:
        url = f"{self.api_url}/vehicles/{vin}/commands/{command}"
        return await self.call("POST", url, json={"client_ref": ref, **body})

    async def done(self, vin: str, command: str, ref: str = "ref-1") -> Json:
        """Sends a command that must be taken, and reads its operation."""
        status, body = await self.send(vin, command, ref)
        assert (status, body["operation"]["status"]) == (202, "in_progress")
        return await self.operation(body["operation"]["url"])

    async def operation(self, url: str) -> Json:
        status, body = await self.call("GET", url)
        assert status == 200
        return body["operation"]

    async def look_up(self, ref: str = "ref-1") -> Json:
        status, body = await self.call("GET", f"{self.api_url}/operations", params={"client_ref": ref})
        assert status == 200
        return body["operations"]

    async def state(self, vin: str) -> Json:
        status, body = await self.call("GET", f"{self.api_url}/vehicles/{vin}/state")
        assert status == 200
        return body

    async def values(self, vin: str) -> Json:
        return {name: signal["value"] for name, signal in (await self.state(vin))["signals"].items()}

    async def ledger(self, vin: str | None = None) -> Json:
        status, body = await self.call("GET", self.base_url + (f"/vehicles/{vin}/ledger" if vin else "/ledger"))
        assert (status, list(body)) == (200, ["actuations"])
        return body["actuations"]

    async def actuated(self, vin: str) -> list[str]:
        return [entry["command"] for entry in await self.ledger(vin)]

    async def control(self, setting: str, **body: Any) -> Json:
        status, answer = await self.call("POST", f"{self.base_url}/control/{setting}", json=body)
        assert status == 200, answer
        return answer

    async def advance(self, seconds: float) -> None:
        await self.control("clock", advance=seconds)


@asynccontextmanager
async def caller(base_url: str, token: str = TOKEN) -> AsyncIterator[Oem]:
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as session:
        yield Oem(session, base_url)


@asynccontextmanager
async def simulated(clock: SimulatorClock | None = None, **settings: Any) -> AsyncIterator[Oem]:
    simulator = Simulator(SimulatorSettings(**settings), clock or SimulatorClock.manual(NOON))
    async with simulator, caller(simulator.base_url) as oem:
        yield oem
