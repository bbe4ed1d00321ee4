"""A whole Keyturn for a test: node, simulated OEM and fleet, two companies, real sockets, in one event loop."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from keyturn.app import Node
from keyturn.config.settings import (
    ConnectorSettings,
    EngineSettings,
    HttpSettings,
    LimitSettings,
    ServerSettings,
    Settings,
)
from keyturn_simulator import Simulator, SimulatorSettings, fleet_vins
from keyturn_simulator.operations import Operation
from keyturn_simulator.vehicles.fleet import FleetVehicle
from tests.support.clients import Answer, Application, held_by
from tests.support.clock import RunningClock, eventually
from tests.support.store_reader import StoreReader

from ..connectors.configured import http_settings

ALL_COMMANDS = [
    "location", "diagnostics", "lock_door", "unlock_door", "alert", "cancel_alert",
    "enable_ignition", "disable_ignition", "start", "cancel_start",
]  # fmt: skip
FLEET = 120
"""Ordinary vehicles of a server that many tests share."""
OEM_TOKEN = {"token": "sim-oem-token"}


@dataclass
class ServerEnv:
    """A running node, the simulated OEM, and the clients of two companies."""

    node: Node
    simulator: Simulator
    url: str
    oem_url: str
    http: aiohttp.ClientSession
    first: Application
    second: Application
    settings: Settings
    clock: RunningClock
    store: StoreReader

    async def actuations(self, vin: str) -> list[str]:
        """The vehicle's ledger: names of what it really did, in order."""
        async with self.http.get(f"{self.oem_url}/vehicles/{vin}/ledger") as response:
            return [entry["command"] for entry in (await response.json())["actuations"]]

    def operations(self, command_id: str) -> list[Operation]:
        """The OEM's operations with this command's id, as they are now."""
        self.simulator.simulation.settle()
        return self.simulator.simulation.memory.operations.by_ref(command_id)

    def signal(self, vin: str, name: str) -> object:
        """What a signal of the vehicle really is now."""
        simulation = self.simulator.simulation
        return simulation.report(simulation.fleet[vin]).signals[name].value

    async def set_vehicle(self, vin: str, **state: Any) -> None:
        """Change a simulated vehicle: `signals`, `reachable`, `fault`, `evidence_age`."""
        async with self.http.post(f"{self.oem_url}/control/vehicles/{vin}", json=state) as response:
            assert response.status == 200, await response.text()

    def advance(self, seconds: float) -> None:
        """The node's and the OEM's clocks move on at once, as if everything had slept."""
        self.simulator.simulation.advance(seconds)
        self.clock.suspend(seconds)

    async def application(self, company: str, name: str, grants: list[str] | None = None) -> Application:
        """Another application of a company, logged in."""
        wanted = {"company": company, "name": name, "grants": ALL_COMMANDS if grants is None else grants}
        added = await self.node.administer("application add", wanted)
        return await self.client_of(added)

    async def client_of(self, added: Mapping[str, Any]) -> Application:
        """The client of an application that was just added, logged in."""
        application = held_by(added, self.url, self.http)
        await application.log_in()
        return application

    async def vehicle(self, vin: str, **row: Any) -> None:
        """Enrol a vehicle of the first company; defaults are those of a healthy vehicle of its own."""
        usual = {"company": "first", "account": "simulator", "plan": "all", "ownership": "owned", "consent": "form 1"}
        await self.node.administer("vehicle add", {**usual, "vin": vin, **row})

    async def own_car(self, vin: str) -> None:
        """Enrol a vehicle whose car the OEM knows by this VIN, which the simulated fleet does not have."""
        self.simulator.simulation.fleet[vin] = FleetVehicle(vin, "made for a test")
        await self.vehicle(vin)

    async def hold(self, vin: str) -> None:
        """From now on the OEM takes this vehicle's commands and the vehicle does not act, until it is let go."""
        await self.set_vehicle(vin, fault="silent")

    async def let_go(self, vin: str) -> None:
        """The vehicle acts on everything that it was held back from, in order."""
        await self.set_vehicle(vin, fault="none")

    async def held(self, vin: str, command: str) -> Answer:
        """The answer for a command that the OEM has and that the vehicle does not act on until it is let go."""
        await self.hold(vin)
        answer = await self.first.send(vin, command)
        assert (answer.code, answer.body["status"]) == (200, "Pending"), answer
        await self.has_state(answer.body["id"], "Accepted")
        return answer

    async def done(self, vin: str, command: str) -> dict[str, Any]:
        """The record of a command of the first company that must come to `Success`."""
        answer = await self.first.send(vin, command)
        assert (answer.code, answer.body["status"]) == (200, "Pending"), answer
        record = await self.first.final(answer.body["id"])
        assert record["status"] == "Success", record
        return record

    async def has_state(self, command_id: str, state: str) -> None:
        """Returns once the command's row has this native state."""
        await self.eventually(lambda: bool(self.store.command(command_id)["state"] == state))

    async def latency(self, seconds: float) -> None:
        async with self.http.post(f"{self.oem_url}/control/latency", json={"median": seconds}) as response:
            assert response.status == 200, await response.text()

    async def replace_token(self, token: str) -> None:
        """The OEM takes no other token from now on."""
        async with self.http.post(f"{self.oem_url}/control/token", json={"token": token}) as response:
            assert response.status == 200, await response.text()

    async def eventually(self, check: Callable[[], bool | Awaitable[bool]], within: float = 20.0) -> None:
        """Returns once `check` holds."""
        await eventually(check, within, pause=0.02)


def settings_for(
    data: Path,
    oem_url: str,
    connector: Mapping[str, Any] | None = None,
    others: Mapping[str, ConnectorSettings] | None = None,
    **sections: Any,
) -> Settings:
    """Settings of a test node; a section given replaces the test's own. `connector` goes for every connector."""
    short = dict.fromkeys(ALL_COMMANDS, 10.0)
    connectors = {
        "simulator": http_settings(definition="simulator", base_url=oem_url, follow_floor=0.05),
        "simulator-short": http_settings(
            definition="simulator", base_url=oem_url, follow_floor=0.05, follow_ceiling=2.0, answer_wait=short
        ),
        "relay": http_settings(definition="relay", base_url=f"{oem_url}/relay", follow_floor=0.05),
    }
    defaults: dict[str, Any] = {
        "server": ServerSettings(port=0, data=str(data), drain_timeout=5.0),
        "limits": LimitSettings(application_rate=0, failed_attempts_per_minute=100_000),
        "engine": EngineSettings(sweep_interval=0.05),
        "connectors": {
            **{name: _replaced(each, connector or {}) for name, each in connectors.items()},
            **(others or {}),
        },
    }
    return Settings(**{**defaults, **sections})


def _replaced(connector: ConnectorSettings, settings: Mapping[str, Any]) -> ConnectorSettings:
    """With these settings, each at its place."""
    http = {name: value for name, value in settings.items() if name in HttpSettings.__struct_fields__}
    common = {name: value for name, value in settings.items() if name not in http}
    return msgspec.structs.replace(connector, http=msgspec.structs.replace(connector.http, **http), **common)


@asynccontextmanager
async def server_env(
    tmp_path: Path,
    *,
    vehicles: int = 3,
    simulator: SimulatorSettings | None = None,
    clock: RunningClock | None = None,
    **sections: Any,
) -> AsyncIterator[ServerEnv]:
    """A node on fresh data with the whole fixed fleet enrolled; `sections` replace sections of its settings."""
    cloud = Simulator(simulator or SimulatorSettings(vehicles=vehicles, lively=False))
    clock = clock or RunningClock()
    async with cloud, aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
        settings = settings_for(tmp_path / "data", cloud.base_url, **sections)
        node = Node(settings, clock=clock)
        url = await node.start()
        try:
            first, second = await enrol(node, url, http, vehicles)
            store = StoreReader(tmp_path / "data")
            yield ServerEnv(node, cloud, url, cloud.base_url, http, first, second, settings, clock, store)
        finally:
            await node.stop()


async def enrol(node: Node, url: str, http: aiohttp.ClientSession, vehicles: int) -> tuple[Application, Application]:
    """Two companies with an application, accounts and vehicles each, as the demo has them."""
    await node.administer("plan add", {"name": "all", "commands": ALL_COMMANDS})
    await node.administer("plan add", {"name": "location", "commands": ["location"]})
    applications = []
    for company, grants in (("first", ALL_COMMANDS), ("second", None)):
        await node.administer("company add", {"name": company})
        wanted = {"company": company, "name": "app"} | ({"grants": grants} if grants else {})
        added = await node.administer("application add", wanted)
        for connector in ("simulator", "simulator-short", "relay"):
            account = {"company": company, "connector": connector, "name": connector, "credentials": OEM_TOKEN}
            await node.administer("account add", account)
        applications.append(held_by(added, url, http))
    await node.administration.administer_all([("vehicle add", row) for row in enrolments(vehicles)])
    for application in applications:
        await application.log_in()
    return applications[0], applications[1]


def enrolments(vehicles: int) -> list[dict[str, Any]]:
    rows = []
    for vehicle in fleet_vins(vehicles):
        account = "relay" if vehicle.api == "relay" else "simulator-short" if vehicle.answer_deadline else "simulator"
        row: dict[str, Any] = {
            "company": "first" if vehicle.company == 1 else "second",
            "vin": vehicle.vin,
            "account": account,
            "ownership": vehicle.ownership,
            "powertrain": vehicle.powertrain,
            "plan": vehicle.plan,
        }
        rows.append(row | ({"consent": "consent form 1"} if vehicle.consent else {}))
    return rows
