"""A company that requires a second person, its operators, and fresh vehicles."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from keyturn.config.settings import CommandSettings
from keyturn_simulator import fleet_vins
from tests.support.operators import Staff
from tests.support.server_env import ServerEnv, server_env

VEHICLES = 40


@dataclass
class PolicyEnv:
    """A `ServerEnv` and its operators; `vins` are healthy parked vehicles, each given out once."""

    server: ServerEnv
    staff: Staff
    vins: Iterator[str]

    async def waiting(self, vin: str, **headers: str) -> str:
        """The id of a disable that waits for its second person."""
        answer = await self.server.first.confirmed(vin, "disable_ignition", **headers)
        assert (answer.code, answer.body["status"]) == (200, "Pending"), answer
        assert self.state(answer.body["id"]) == "AwaitingApproval"
        return str(answer.body["id"])

    def state(self, command_id: str) -> str:
        return str(self.server.store.command(command_id)["state"])

    async def detail(self, command_id: str) -> object:
        record = await self.server.first.final(command_id)
        assert record["status"] == "Error"
        return record["detail"]

    async def goes_through(self, command_id: str, by: str = "ana") -> None:
        await self.staff.do(by, "approval approve", command=command_id)
        assert (await self.server.first.final(command_id))["status"] == "Success"


@asynccontextmanager
async def policy_env(folder: Path) -> AsyncIterator[PolicyEnv]:
    """A POST that is held would be held for a minute, and time out every test here."""
    patient = CommandSettings(initiate_wait=60)
    async with server_env(folder, vehicles=VEHICLES, commands=patient) as s:
        staff = Staff(s)
        for name in ("ana", "bruno", "rita"):
            await staff.hire(name)
        await staff.hire("vera", "viewer")
        await staff.hire("sergio", company="second")
        await s.node.administer("policy set", {"company": "first", "second_person": True})
        ordinary = [each for each in fleet_vins(VEHICLES) if each.ordinary and each.powertrain == "combustion"]
        yield PolicyEnv(s, staff, iter([each.vin for each in ordinary]))
