"""An admin who wants the rules out of the way first, and then to be the second person for what is the admin's own."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.clients import Application
from tests.support.operators import NOTICE, Staff
from tests.support.receiver import Receiver
from tests.support.refusals import refused
from tests.support.server_env import ALL_COMMANDS, ServerEnv

from .watch import told, watched

pytestmark = pytest.mark.anyio

FIRST = {"company": "first"}
PARKED, RENTED = "9KTPARKED00000001", "9KTRENTED00000022"
LIMIT_REACHED = (403, "Command blocked by policy: limit of disables reached.")


@dataclass
class TwoAdminsEnv:
    """Ana and Ines are in charge together; Ines is the one to be afraid of."""

    server: ServerEnv
    staff: Staff
    receiver: Receiver

    async def loosening(self) -> dict[str, Any]:
        """Ines proposes to do away with the limit."""
        change = await self.staff.do("ines", "policy set", **FIRST, disables_per_actor_hour=0)
        assert (change["state"], change["needs"]) == ("waiting", "approval")
        return change

    async def state(self, change: dict[str, Any]) -> str:
        return str((await self.server.node.administer("change show", {"change": change["change"]}))["state"])

    async def limit(self) -> int:
        return int((await self.server.node.administer("policy show", FIRST))["disables_per_actor_hour"])

    async def application_of_ines(self) -> Application:
        """Made by her for reading, and given the ignition pair with Ana's approval."""
        added = await self.staff.do("ines", "application add", **FIRST, name="shadow", grants=["location"])
        change = await self.staff.do("ines", "application set", **FIRST, application="shadow", grants=ALL_COMMANDS)
        await self.staff.do("ana", "change approve", change=change["change"])
        await self.staff.notice_passes()
        return await self.server.client_of(added)


@pytest.fixture
async def env(tmp_path: Path) -> AsyncIterator[TwoAdminsEnv]:
    async with watched(tmp_path) as (s, receiver):
        staff = Staff(s)
        await s.node.administer("policy set", {**FIRST, "disables_per_actor_hour": 1})
        await staff.hire("ines")
        await staff.hire("ana", "admin")
        await staff.raised_by("ines", "ana")
        await s.first.log_in()
        yield TwoAdminsEnv(s, staff, receiver)


async def test_alone_the_insider_only_announces_it(env: TwoAdminsEnv) -> None:
    """Nothing comes of it after ten minutes, nor of approving it herself, nor of dismissing the other admin."""
    s, staff = env.server, env.staff
    change = await env.loosening()
    (proposed,) = [each for each in s.store.entries("change.proposed") if each["body"]["change"] == change["change"]]
    ines = (await s.node.administer("operator show", {"person": "ines"}))["id"]
    assert (proposed["actor"], proposed["body"]["operation"]) == (f"operator:{ines}", "policy set")
    assert proposed["body"]["arguments"]["disables_per_actor_hour"] == 0
    await s.eventually(lambda: any(change["change"] in each["text"] for each in told(env.receiver, "change.proposed")))

    assert await staff.refused("ines", "change approve", change=change["change"]) == "own_change"
    await staff.notice_passes()
    assert (await env.state(change), await env.limit()) == ("waiting", 1)

    await staff.do("ines", "operator set", person="ana", active=False)
    another = await env.loosening()
    await staff.notice_passes()
    assert (await env.state(change), await env.state(another), await env.limit()) == ("waiting", "waiting", 1)

    assert (await s.first.confirmed(PARKED, "disable_ignition")).body["status"] == "Pending"
    assert refused(await s.first.confirmed(RENTED, "disable_ignition")) == LIMIT_REACHED
    assert await s.actuations(RENTED) == []


async def test_the_other_admin_stops_it(env: TwoAdminsEnv) -> None:
    change = await env.loosening()
    await env.staff.do("ana", "change withdraw", change=change["change"])
    await env.staff.notice_passes()

    assert (await env.state(change), await env.limit()) == ("withdrawn", 1)
    assert await env.staff.refused("ana", "change approve", change=change["change"]) == "not_waiting"


async def test_an_approval_that_was_talked_out_of_somebody_is_regretted_within_ten_minutes(env: TwoAdminsEnv) -> None:
    change = await env.loosening()
    await env.staff.do("ana", "change approve", change=change["change"])
    env.server.advance(NOTICE - 120.0)
    await env.server.node.administration.apply_due_changes()
    assert (await env.state(change), await env.limit()) == ("pending", 1)

    await env.staff.do("ana", "change withdraw", change=change["change"])
    await env.staff.notice_passes()
    assert (await env.state(change), await env.limit()) == ("withdrawn", 1)


async def test_what_two_have_agreed_on_takes_effect_after_ten_minutes(env: TwoAdminsEnv) -> None:
    change = await env.loosening()
    await env.staff.do("ana", "change approve", change=change["change"])
    await env.staff.notice_passes()

    assert (await env.state(change), await env.limit()) == ("applied", 0)
    assert len(env.server.store.entries("policy.loosened")) == 1
    await env.server.eventually(lambda: bool(told(env.receiver, "policy.loosened")))


async def test_what_tightens_needs_nobody_and_no_time(env: TwoAdminsEnv) -> None:
    tightened = await env.staff.do("ines", "policy set", **FIRST, second_person=True)
    assert tightened["second_person"] is True


async def test_insider_is_not_the_second_person_for_her_own_application(env: TwoAdminsEnv) -> None:
    s, staff = env.server, env.staff
    await staff.do("ana", "policy set", **FIRST, second_person=True)
    shadow = await env.application_of_ines()
    waiting = (await shadow.confirmed(PARKED, "disable_ignition", **{"X-Reason": "missing"})).body["id"]

    assert await staff.refused("ines", "approval approve", command=waiting) == "may_not_approve"
    off = await staff.do("ines", "policy set", **FIRST, second_person=False)
    assert off["needs"] == "approval"
    assert (await staff.do("ana", "approval show", command=waiting))["reason"] == "missing"
    await staff.do("ana", "approval reject", command=waiting)

    record = await shadow.final(waiting)
    assert (record["status"], record["detail"]) == ("Error", "Not approved.")
    assert await s.actuations(PARKED) == []

    await s.first.log_in()
    honest = (await s.first.confirmed(RENTED, "disable_ignition")).body["id"]
    await staff.do("ines", "approval approve", command=honest)
    assert (await s.first.final(honest))["status"] == "Success"
