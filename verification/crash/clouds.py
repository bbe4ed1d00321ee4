"""The simulated OEMs: processes with durable data, faults, and a control API."""

import asyncio
import random
from collections import Counter
from pathlib import Path

import aiohttp

from keyturn_simulator.faults import Fault
from keyturn_simulator.journal import Journal
from keyturn_simulator.operations import Actuation, Operation
from verification.crash.processes import Process, free_port
from verification.crash.run_result import CloudSending
from verification.crash.scenario import TOKEN, Scenario

_FAULTS = {
    Fault.NONE: 62,
    Fault.FLAKY: 7,
    Fault.NEVER_ANSWERS: 6,
    Fault.DROPS: 6,
    Fault.SILENT: 4,
    Fault.SLOW: 4,
    Fault.OEM_ERROR: 4,
    Fault.LATE: 3,
    Fault.NO_URL: 2,
    Fault.BAD_JSON: 2,
}
"""How many vehicles in a hundred have what goes wrong."""
_OUTLASTS = 60.0
"""Seconds within which the slowest vehicle has acted."""


class Cloud:
    """One company's OEM, on a port and a folder of its own."""

    def __init__(self, company: str, folder: Path, scenario: Scenario, http: aiohttp.ClientSession) -> None:
        port = free_port()
        self.company = company
        self.url = f"http://127.0.0.1:{port}"
        self._vins = scenario.vins(company)
        self._data = folder / f"cloud-{company}"
        self._http = http
        self._coming_back: asyncio.Task[None] | None = None
        settings = {
            "--port": port,
            "--data": self._data,
            "--seed": scenario.seed,
            "--latency": scenario.latency,
            "--vehicles": scenario.fleet,
            "--token": TOKEN,
        }
        options = [each for option in settings.items() for each in option]
        self.process = Process(["simulate", "--json", *options], folder / f"cloud-{company}.log")

    async def misbehave(self, chance: random.Random) -> None:
        """Give vehicles their faults."""
        for vin in self._vins:
            (fault,) = chance.choices(list(_FAULTS), list(_FAULTS.values()))
            await self._impose(vin, fault)

    async def behave(self) -> None:
        """From now on everything works, at once."""
        await self.back()
        await self._control("latency", {"median": 0.0})
        for vin in self._vins:
            await self._impose(vin, Fault.NONE)

    async def die(self) -> None:
        """Killed, and restarted at once."""
        await self.back()
        await self.process.kill()
        self._coming_back = asyncio.create_task(self.process.start())

    async def back(self) -> None:
        """Returns once it can be called. Raises `Gone`."""
        coming_back, self._coming_back = self._coming_back, None
        if coming_back is not None:
            await coming_back

    async def finish(self) -> None:
        """Every vehicle carries out what it still has, and the process ends; nothing is requested any more."""
        await self._control("clock", {"advance": _OUTLASTS})
        async with self._http.get(f"{self.url}/ledger", raise_for_status=True) as response:
            await response.read()
        await self.process.terminate()

    async def abandon(self) -> None:
        """Whatever is left of it ends."""
        if self._coming_back is not None:
            self._coming_back.cancel()
        await self.process.kill()

    def sendings(self) -> list[CloudSending]:
        """What it ever took, in that order; the process must have ended."""
        operations: dict[str, Operation] = {}
        actuations: Counter[str] = Counter()
        for record in Journal(self._data).load():
            match record:
                case Operation():
                    operations[record.id] = record
                case Actuation():
                    actuations[record.client_ref] += 1
        return [CloudSending(self.company, each, actuations[each.client_ref]) for each in operations.values()]

    async def _impose(self, vin: str, fault: Fault) -> None:
        await self._control(f"vehicles/{vin}", {"fault": fault})

    async def _control(self, setting: str, body: dict[str, object]) -> None:
        async with self._http.post(f"{self.url}/control/{setting}", json=body, raise_for_status=True) as response:
            await response.read()
