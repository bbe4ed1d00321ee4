"""A script that holds one application's credentials tries to immobilise a thousand vehicles in one night."""

import asyncio
import itertools
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest

from keyturn_simulator import fleet_vins
from tests.support.clients import Answer, Application
from tests.support.refusals import BEARER_INVALID, refused
from tests.support.server_env import ServerEnv

from .watch import told, watched

pytestmark = pytest.mark.anyio

THOUSAND, ALLOWED, AT_ONCE = 1000, 20, 25
PARKED = "9KTPARKED00000001"
LIMIT_REACHED = (403, "Command blocked by policy: limit of disables reached.")


async def rampage(thief: Application, vins: Iterable[str]) -> list[Answer]:
    """Both steps for every vehicle, so many at once."""
    left, answers = iter(vins), []

    async def work() -> None:
        for vin in left:
            answer = await thief.post(vin, "disable_ignition")
            if answer.body.get("status") == "Confirmation":
                answer = await thief.post(vin, "disable_ignition", answer.body["code"])
            answers.append(answer)

    await asyncio.gather(*(work() for _ in range(AT_ONCE)))
    return answers


async def immobilised(s: ServerEnv) -> list[str]:
    """VINs in the OEM's own ledger."""
    async with s.http.get(f"{s.oem_url}/ledger") as response:
        done = (await response.json())["actuations"]
    return [entry["vin"] for entry in done if entry["command"] == "disable_ignition"]


async def test_a_thousand_vehicles_and_one_stolen_credential(tmp_path: Path) -> None:
    async with watched(tmp_path, vehicles=THOUSAND) as (s, receiver):
        vins = [vehicle.vin for vehicle in fleet_vins(THOUSAND) if vehicle.ordinary]
        assert len(vins) == THOUSAND
        await s.node.administer("policy set", {"company": "first", "disables_per_actor_hour": ALLOWED})
        honest = await s.application("first", "service desk")

        answers = await rampage(s.first, vins)

        assert Counter(answer.code for answer in answers) == {200: ALLOWED, 403: THOUSAND - ALLOWED}
        assert {refused(answer) for answer in answers if answer.code == 403} == {LIMIT_REACHED}
        taken = [str(answer.body["id"]) for answer in answers if answer.code == 200]
        await asyncio.gather(*(s.first.final(command_id) for command_id in taken))
        hit = await immobilised(s)
        assert len(hit) == len(set(hit)) == ALLOWED

        thief = s.store.command(taken[0])["actor"]
        (tripped,) = s.store.entries("limit.tripped")
        assert tripped["actor"] == thief
        assert (tripped["body"]["rule"], tripped["body"]["allowed"], tripped["body"]["counted"]) == (
            "disables_per_actor_hour",
            ALLOWED,
            ALLOWED,
        )
        assert tripped["body"]["vin"] in vins
        s.advance(61)
        await s.eventually(lambda: bool(s.store.entries("ignition.refusals")))
        refusals, folded = s.store.entries("ignition.refused"), s.store.entries("ignition.refusals")
        assert len(refusals) + sum(each["body"]["count"] for each in folded) == THOUSAND - ALLOWED
        assert {each["actor"] for each in (*refusals, *folded)} == {thief}
        assert {each["body"]["vin"] for each in refusals} <= set(vins) - set(hit)

        await s.eventually(lambda: bool(told(receiver, "limit.tripped")))
        (alert,) = told(receiver, "limit.tripped")
        assert (alert["severity"], alert["entry"]["actor"], alert["entry"]["seq"]) == (
            "critical",
            thief,
            tripped["seq"],
        )

        assert (await honest.confirmed(PARKED, "disable_ignition")).body["status"] == "Pending"
        for vin, application in zip(hit, itertools.cycle((honest, s.first)), strict=False):
            enabled = await application.confirmed(vin, "enable_ignition")
            assert (await application.final(enabled.body["id"]))["status"] == "Success"

        await s.node.administer("application set", {"application": thief, "active": False})
        s.advance(1.0)
        assert refused(await s.first.post(vins[0], "location")) == BEARER_INVALID
        assert (await honest.post(vins[0], "location")).code == 200


async def test_many_stolen_credentials_meet_the_limits_of_the_company(tmp_path: Path) -> None:
    """A share of the fleet that was seen lately, however many applications take part."""
    async with watched(tmp_path, vehicles=40) as (s, _receiver):
        vins = [vehicle.vin for vehicle in fleet_vins(40) if vehicle.ordinary]
        for vin in vins:
            await s.first.post(vin, "enable_ignition")
        await s.eventually(lambda: len(s.store.rows("SELECT 1 FROM vehicle_evidence")) == len(vins))
        await s.node.administer("policy set", {"company": "first", "fleet_share": 10.0})
        thieves = [s.first, *[await s.application("first", f"stolen {number}") for number in range(3)]]

        answers = await asyncio.gather(*(rampage(thief, vins) for thief in thieves))

        queued = {answer.body["id"] for each in answers for answer in each if answer.code == 200}
        assert len(queued) == len(vins) // 10
        (tripped,) = s.store.entries("limit.tripped")
        assert tripped["body"]["rule"] == "fleet_share"
        assert refused(await s.first.post(PARKED, "disable_ignition")) == LIMIT_REACHED
