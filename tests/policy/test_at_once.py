"""What is never held up: with two admins in charge, one person does it at once, and two sessions at once do it once.

Against a server that runs, by operators who sign in as people do, or by whoever has its shell.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from keyturn.config.settings import CommandSettings
from keyturn.errors import OperationError
from keyturn_simulator import fleet_vins
from tests.support.operators import WEEK, Staff
from tests.support.server_env import ServerEnv, server_env

pytestmark = pytest.mark.anyio

VEHICLES = 30
Arrange = Callable[["Site"], Awaitable[dict[str, Any]]]


class Site:
    """A server with two admins of the installation and two approvers of the first company."""

    def __init__(self, running: ServerEnv, vins: Iterator[str]) -> None:
        self.server = running
        self.staff = Staff(running)
        self.vins = vins

    async def perform(self, operation: str, arguments: dict[str, Any], by: str | None) -> dict[str, Any]:
        signing_in = None if by is None else self.staff.credentials(by)
        return await self.server.node.administer(operation, arguments, signing_in)

    async def queued(self) -> dict[str, Any]:
        """A command that waits behind one that the vehicle is held back from."""
        vin = next(self.vins)
        await self.server.held(vin, "alert")
        waiting = await self.server.first.send(vin, "start")
        await self.server.has_state(waiting.body["id"], "Queued")
        return {"command": waiting.body["id"]}

    async def awaiting(self) -> dict[str, Any]:
        answer = await self.server.first.confirmed(next(self.vins), "disable_ignition")
        await self.server.has_state(answer.body["id"], "AwaitingApproval")
        return {"command": answer.body["id"]}

    async def held_back(self) -> dict[str, Any]:
        """Restoring commands of the second company, by two admins."""
        order = {"reach": "restoring", "reason": "the relay is on fire", "company": "second"}
        change = (await self.perform("switch throw", order, "ana"))["change"]
        await self.perform("change approve", {"change": change}, "bia")
        await self.staff.notice_passes()
        return {"reach": "restoring", "company": "second"}

    async def a_vehicle(self) -> dict[str, Any]:
        return {"vehicle": next(self.vins)}

    async def immobilised(self) -> dict[str, Any]:
        """Out of coverage since, so that it stays so."""
        vin = next(self.vins)
        command_id = (await self.server.first.confirmed(vin, "disable_ignition")).body["id"]
        await self.perform("approval approve", {"command": command_id}, "rita")
        await self.server.first.final(command_id)
        await self.server.hold(vin)
        return {"vehicle": vin}

    async def a_company(self) -> dict[str, Any]:
        name = f"company of {next(self.vins)}"
        await self.perform("company add", {"name": name}, "ana")
        return {"company": name}

    async def an_application(self) -> dict[str, Any]:
        where = await self.a_company()
        await self.perform("application add", {**where, "name": "erp", "grants": []}, "ana")
        return {**where, "application": "erp"}


@pytest.fixture(scope="module")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    folder: Path = tmp_path_factory.mktemp("site")
    async with server_env(folder, vehicles=VEHICLES, commands=CommandSettings(initiate_wait=0.2)) as running:
        ordinary = [each.vin for each in fleet_vins(VEHICLES) if each.ordinary and each.powertrain == "combustion"]
        made = Site(running, iter(ordinary))
        await running.node.administer("policy set", {"company": "first", "second_person": True})
        for name in ("paulo", "rita"):
            await made.staff.hire(name)
        await made.staff.hire("ana", "admin", None)
        await made.staff.joined_by("bia", "ana", company=None)
        running.advance(WEEK + 1)  # they are not too close to decide together any more
        await running.first.log_in()
        yield made


ONE, BOTH = "the second hears that it is done", "the second finds it done"
CASES: dict[str, tuple[str, Arrange, dict[str, Any], tuple[str | None, str | None], str, str]] = {
    "stop what acts": (
        "switch throw", Site.a_company, {"reach": "actuating", "reason": "a"}, (None, "ana"), "switch.activated", ONE,
    ),
    "stop immobilising": (
        "switch throw", Site.a_company, {"reach": "disable", "reason": "a"}, ("bia", "ana"), "switch.activated", ONE,
    ),
    "let restoring commands through": (
        "switch release", Site.held_back, {}, (None, "ana"), "switch.deactivated", ONE,
    ),
    "take a command back": ("command cancel", Site.queued, {}, (None, "paulo"), "command.Cancelled", ONE),
    "reject": ("approval reject", Site.awaiting, {}, ("paulo", "rita"), "command.Cancelled", ONE),
    "keep enabling": ("keep-enabling start", Site.immobilised, {}, (None, "paulo"), "keep_enabling.started", BOTH),
    "withdraw a consent": ("vehicle set", Site.a_vehicle, {"consent": None}, (None, "ana"), "vehicle.changed", BOTH),
    "deactivate a vehicle": ("vehicle set", Site.a_vehicle, {"active": False}, (None, "bia"), "vehicle.changed", BOTH),
    "tighten a policy": ("policy set", Site.a_company, {"notify_first": True}, (None, "ana"), "policy.tightened", ONE),
    "close an application": (
        "application set", Site.an_application, {"active": False}, (None, "ana"), "application.changed", BOTH,
    ),
    "close a company": ("company set", Site.a_company, {"active": False}, ("bia", "ana"), "company.changed", BOTH),
    "log a notice": (
        "notice add", Site.a_vehicle, {"channel": "phone"}, ("rita", "paulo"), "immobilisation.notice", BOTH,
    ),
}  # fmt: skip
"""Operation, what it is done to, how, by whom, the entry that it leaves, and what the second session finds."""
TWICE = frozenset({"vehicle set", "application set", "company set", "notice add"})
"""What is done again leaves an entry each time."""


@pytest.mark.parametrize("case", CASES)
async def test_urgent_act_is_done_at_once_by_one_person_and_once_by_two_sessions(site: Site, case: str) -> None:
    operation, arrange, how, by, kind, second = CASES[case]
    order = {**await arrange(site), **how}
    before = len(site.server.store.entries(kind))
    signing_in = [None if each is None else site.staff.credentials(each) for each in by]

    ends = await asyncio.gather(
        *(site.server.node.administer(operation, order, each) for each in signing_in), return_exceptions=True
    )

    refusals = [end for end in ends if isinstance(end, OperationError)]
    answers = [end for end in ends if isinstance(end, dict)]
    assert len(answers) + len(refusals) == 2, ends
    assert not any("effective_at" in answer for answer in answers), "nothing waits"
    assert len(answers) == (1 if second is ONE else 2), ends
    assert len(site.server.store.entries(kind)) - before == (2 if operation in TWICE else 1)
