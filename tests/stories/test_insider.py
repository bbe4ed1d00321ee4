"""An admin who wants the rules out of the way first, and then to be the second person for what is the admin's own."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.alerts.receiver import Receiver
from tests.e2e.application import Application, held_by
from tests.e2e.refusals import refused
from tests.e2e.stage import ALL_COMMANDS, Stage
from tests.policy.staff import NOTICE, Staff

from .watch import told, watched

pytestmark = pytest.mark.anyio

FIRST = {"company": "first"}
PARKED, RENTED = "9KTPARKED00000001", "9KTRENTED00000022"
LIMIT_REACHED = (403, "Command blocked by policy: limit of disables reached.")


@dataclass
class House:
    """Ana and Ines are in charge together; Ines is the one to be afraid of."""

    stage: Stage
    staff: Staff
    receiver: Receiver

    async def loosening(self) -> dict[str, Any]:
        """Ines proposes to do away with the limit."""
        change = await self.staff.do("ines", "policy set", **FIRST, disables_per_actor_hour=0)
        assert (change["state"], change["needs"]) == ("waiting", "approval")
        return change

    async def state(self, change: dict[str, Any]) -> str:
        return str((await self.stage.node.administer("change show", {"change": change["change"]}))["state"])

    async def limit(self) -> int:
        return int((await self.stage.node.administer("policy show", FIRST))["disables_per_actor_hour"])

    async def application_of_ines(self) -> Application:
        """Made by her for reading, and given the ignition pair with Ana's approval."""
        added = await self.staff.do("ines", "application add", **FIRST, name="shadow", grants=["location"])
        change = await self.staff.do("ines", "application set", **FIRST, application="shadow", grants=ALL_COMMANDS)
        await self.staff.do("ana", "change approve", change=change["change"])
        await self.staff.notice_passes()
        application = held_by(added, self.stage.url, self.stage.http)
        await application.log_in()
        return application


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with watched(tmp_path) as (s, receiver):
        staff = Staff(s)
        await s.node.administer("policy set", {**FIRST, "disables_per_actor_hour": 1})
        await staff.hire("ines")
        await staff.hire("ana", "admin")
        await staff.raised_by("ines", "ana")
        await s.first.log_in()
        yield House(s, staff, receiver)


async def test_alone_the_insider_only_announces_it(house: House) -> None:
    """Nothing comes of it after ten minutes, nor of approving it herself, nor of dismissing the other admin."""
    s, staff = house.stage, house.staff
    change = await house.loosening()
    (proposed,) = [each for each in s.store.entries("change.proposed") if each["body"]["change"] == change["change"]]
    ines = (await s.node.administer("operator show", {"person": "ines"}))["id"]
    assert (proposed["actor"], proposed["body"]["operation"]) == (f"operator:{ines}", "policy set")
    assert proposed["body"]["arguments"]["disables_per_actor_hour"] == 0
    await s.eventually(
        lambda: any(change["change"] in each["text"] for each in told(house.receiver, "change.proposed"))
    )

    assert await staff.refused("ines", "change approve", change=change["change"]) == "own_change"
    await staff.notice_passes()
    assert (await house.state(change), await house.limit()) == ("waiting", 1)

    await staff.do("ines", "operator set", person="ana", active=False)
    another = await house.loosening()
    await staff.notice_passes()
    assert (await house.state(change), await house.state(another), await house.limit()) == ("waiting", "waiting", 1)

    assert (await s.first.confirmed(PARKED, "disable_ignition")).body["status"] == "Pending"
    assert refused(await s.first.confirmed(RENTED, "disable_ignition")) == LIMIT_REACHED
    assert await s.actuations(RENTED) == []


async def test_the_other_admin_stops_it(house: House) -> None:
    change = await house.loosening()
    await house.staff.do("ana", "change withdraw", change=change["change"])
    await house.staff.notice_passes()

    assert (await house.state(change), await house.limit()) == ("withdrawn", 1)
    assert await house.staff.refused("ana", "change approve", change=change["change"]) == "not_waiting"


async def test_an_approval_that_was_talked_out_of_somebody_is_regretted_within_ten_minutes(house: House) -> None:
    change = await house.loosening()
    await house.staff.do("ana", "change approve", change=change["change"])
    house.stage.advance(NOTICE - 120.0)
    await house.stage.node.administration.make_due_changes()
    assert (await house.state(change), await house.limit()) == ("pending", 1)

    await house.staff.do("ana", "change withdraw", change=change["change"])
    await house.staff.notice_passes()
    assert (await house.state(change), await house.limit()) == ("withdrawn", 1)


async def test_what_two_have_agreed_on_takes_effect_after_ten_minutes(house: House) -> None:
    change = await house.loosening()
    await house.staff.do("ana", "change approve", change=change["change"])
    await house.staff.notice_passes()

    assert (await house.state(change), await house.limit()) == ("applied", 0)
    assert len(house.stage.store.entries("policy.loosened")) == 1
    await house.stage.eventually(lambda: bool(told(house.receiver, "policy.loosened")))


async def test_what_tightens_needs_nobody_and_no_time(house: House) -> None:
    tightened = await house.staff.do("ines", "policy set", **FIRST, second_person=True)
    assert tightened["second_person"] is True


async def test_she_is_not_the_second_person_for_what_is_her_own(house: House) -> None:
    s, staff = house.stage, house.staff
    await staff.do("ana", "policy set", **FIRST, second_person=True)
    shadow = await house.application_of_ines()
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
