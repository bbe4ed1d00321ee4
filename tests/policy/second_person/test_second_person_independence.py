"""The second person is another one: not who made the application lately, nor who could sign in as its owner."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.clients import Application
from tests.support.operators import WEEK, Staff
from tests.support.server_env import ALL_COMMANDS, ServerEnv, server_env

pytestmark = pytest.mark.anyio

PARKED, RENTED = "9KTPARKED00000001", "9KTRENTED00000022"


@dataclass
class ApprovalEnv:
    server: ServerEnv
    staff: Staff

    async def decided(self, application: Application, vin: str, *, close: str, independent: str) -> None:
        """The one who is too close is turned away, and the command waits on for the other."""
        answer = await application.confirmed(vin, "disable_ignition")
        refused = await self.staff.refused(close, "approval approve", command=answer.body["id"])
        assert refused == "may_not_approve"
        assert self.server.store.command(answer.body["id"])["state"] == "AwaitingApproval"
        await self.approved(answer.body["id"], independent)

    async def approved(self, command_id: str, by: str) -> None:
        approved = await self.staff.do(by, "approval approve", command=command_id)
        assert approved["state"] == "Queued"
        await self.server.eventually(lambda: self.server.store.command(command_id)["sent_at"] is not None)

    async def made_by(self, name: str) -> Application:
        """An application that the operator made and then gave the ignition pair, as the rules allow."""
        added = await self.staff.do(name, "application add", company="first", name="shadow", grants=["location"])
        named = {"application": "shadow", "company": "first"}
        change = await self.staff.do(name, "application set", **named, grants=ALL_COMMANDS)
        assert change["state"] == "pending"
        await self.staff.notice_passes()
        return await self.server.client_of(added)


@pytest.fixture
async def env(tmp_path: Path) -> AsyncIterator[ApprovalEnv]:
    async with server_env(tmp_path) as s:
        staff = Staff(s)
        await staff.hire("bruno")
        await staff.hire("rita")
        await s.node.administer("application set", {"application": "app", "company": "first", "responsible": ["rita"]})
        await s.node.administer("policy set", {"company": "first", "second_person": True})
        await staff.hire("eve", "admin")
        yield ApprovalEnv(s, staff)


async def test_maker_of_the_application_does_not_approve_for_it_for_a_week(env: ApprovalEnv) -> None:
    shadow = await env.made_by("eve")
    await env.decided(shadow, PARKED, close="eve", independent="bruno")

    env.server.advance(WEEK)
    await shadow.log_in()
    answer = await shadow.confirmed(RENTED, "disable_ignition")
    await env.approved(answer.body["id"], "eve")


async def test_resetter_of_the_owners_password_does_not_approve_for_a_week(env: ApprovalEnv) -> None:
    change = await env.staff.do("eve", "operator set-password", person="rita")
    assert change["state"] == "pending"
    await env.staff.notice_passes()
    assert (await env.staff.do("eve", "change collect", change=change["change"]))["code"]
    await env.decided(env.server.first, PARKED, close="eve", independent="bruno")

    env.server.advance(WEEK)
    await env.server.first.log_in()
    answer = await env.server.first.confirmed(RENTED, "disable_ignition")
    await env.approved(answer.body["id"], "eve")
