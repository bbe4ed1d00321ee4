"""The dry run: it says what the request would hear and what the sending would do, and does nothing itself."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from keyturn.config.settings import CommandSettings, QuotaSettings, ServerSettings
from keyturn_simulator import fleet_vins
from tests.e2e.scripted import VIN as SCRIPTED
from tests.e2e.scripted import scripted
from tests.support.oem import answer
from tests.support.refusals import SENTENCES, not_met
from tests.support.server_env import ALL_COMMANDS, ServerEnv, server_env

pytestmark = pytest.mark.anyio

FIRST = {"company": "first"}
PARKED, THIRD, NO_PLAN, NO_CONSENT = (
    "9KTPARKED00000001",
    "9KTTH1RD000000023",
    "9KTN0PLAN00000024",
    "9KTNCNSNT00000029",
)
VINS = [vehicle.vin for vehicle in fleet_vins(0) if vehicle.company == 1]
BLOCKED = "Command blocked by policy: {}."
VIN_TEXT = "VIN not found or unauthorized access."
COMMAND_TEXT = "Command not found or unauthorized access."
QUOTA = "The OEM's quota is used up."
BRISK = CommandSettings(initiate_wait=0.3)


@asynccontextmanager
async def fresh(folder: Path) -> AsyncIterator[ServerEnv]:
    """Fresh data; what hangs at the OEM in the end is not waited for."""
    server = ServerSettings(port=0, data=str(folder / "data"), drain_timeout=0.1)
    async with server_env(folder, vehicles=0, commands=BRISK, server=server) as running:
        yield running


async def ready(s: ServerEnv, vin: str, command: str, **arguments: str) -> dict[str, Any]:
    return await s.node.administer("vehicle ready", {"vin": vin, "command": command, **FIRST, **arguments})


async def known(s: ServerEnv) -> None:
    """Every vehicle of which anything can be known is read: issuing a code does that."""
    answers = [await s.first.post(vin, "enable_ignition") for vin in VINS]
    issued = sum(answer.code == 200 for answer in answers)
    await s.eventually(lambda: len(s.store.rows("SELECT 1 FROM vehicle_evidence")) == issued)


async def sent(s: ServerEnv, vin: str, command: str, **headers: str) -> str | None:
    """Why the command was not sent; None: it was."""
    answer = await s.first.post(vin, command, **headers)
    if answer.body.get("status") == "Confirmation":
        answer = await s.first.post(vin, command, answer.body["code"], **headers)
    if "id" not in answer.body:
        return str(answer.body["detail"])
    await s.eventually(lambda: bool(s.store.command(answer.body["id"])["state"] != "Queued"))
    row = s.store.command(answer.body["id"])
    return None if row["sent_at"] is not None else str(json.loads(row["detail"]))


def agrees(said: dict[str, Any], refusal: str | None) -> bool:
    """Where a reading decides, it may refuse by nothing but what was said to be unread."""
    if said["reasons"]:
        return bool(refusal == said["reasons"][0])
    if refusal is None:
        return True
    unread = {number for number in SENTENCES if number in said["unread"]}
    told = {number for number, sentence in SENTENCES.items() if sentence in refusal}
    return bool(told) and told <= unread and refusal == not_met(*sorted(told))


@pytest.mark.parametrize("command", ["disable_ignition", "start", "unlock_door", "enable_ignition", "cancel_alert"])
async def test_dry_run_agrees_with_what_then_happens(tmp_path: Path, command: str) -> None:
    """For every vehicle of the fixed fleet, once something is known of it."""
    async with fresh(tmp_path) as s:
        await known(s)
        said = {vin: await ready(s, vin, command) for vin in VINS}
        refusals = dict(zip(VINS, await asyncio.gather(*(sent(s, vin, command) for vin in VINS)), strict=True))
    assert [(vin, said[vin]["reasons"], refusals[vin]) for vin in VINS if not agrees(said[vin], refusals[vin])] == []
    assert {bool(each["reasons"]) for each in said.values()} == {True, False}


async def test_what_nobody_has_read_yet_is_no_reason_where_it_can_be_read(tmp_path: Path) -> None:
    """On fresh data: a vehicle that would be served is not said to be refused."""
    async with fresh(tmp_path) as s:
        said = {vin: await ready(s, vin, "disable_ignition") for vin in VINS}
        refusals = dict(
            zip(VINS, await asyncio.gather(*(sent(s, vin, "disable_ignition") for vin in VINS)), strict=True)
        )
    assert [vin for vin in VINS if refusals[vin] is None and not said[vin]["ready"]] == []
    first_told = {vin: said[vin]["reasons"][0] for vin in VINS if said[vin]["reasons"]}
    assert first_told == {THIRD: VIN_TEXT, NO_PLAN: COMMAND_TEXT, NO_CONSENT: refusals[NO_CONSENT]}
    assert {each["verdict"] for each in said[PARKED]["preconditions"]} == {"unknown"}
    assert said[PARKED]["unread"] == [13]


@pytest.fixture(scope="module")
async def parked(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ServerEnv]:
    async with server_env(tmp_path_factory.mktemp("ready"), commands=BRISK) as running:
        yield running


async def test_dry_run_writes_and_sends_nothing(tmp_path: Path) -> None:
    """No row in any table, no question to the OEM, no actuation."""
    async with scripted(tmp_path, answer(500, {})) as (s, oem):
        tables = [row["name"] for row in s.store.rows("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        tables = [name for name in tables if not name.startswith("chain")]  # sealed behind what was written before

        def contents() -> dict[str, list[dict[str, Any]]]:
            return {table: s.store.rows(f'SELECT * FROM "{table}"') for table in tables}

        before = contents()
        for command in ALL_COMMANDS:
            for vin in (SCRIPTED, PARKED, THIRD, NO_PLAN, NO_CONSENT):
                await ready(s, vin, command)
        assert contents() == before
        assert oem.seen == []
        assert await s.actuations(PARKED) == []


async def test_every_reason_is_told_in_the_order_in_which_the_request_meets_them(tmp_path: Path) -> None:
    """Each is taken away in turn: the request hears the first of those that are left, and never another."""
    async with server_env(tmp_path, commands=BRISK) as s:
        rented, words = "9KTRENTED00000022", {"X-Reason": "missing"}
        await s.node.administer("policy set", {**FIRST, "disables_per_company_day": 1})
        await s.done(rented, "disable_ignition")
        crossing = await s.first.confirmed(PARKED, "disable_ignition")
        assert crossing.body["detail"] == BLOCKED.format("limit of disables reached")
        rules = {"locate_within": 0.2, "notify_first": True, "reason_required": True}
        await s.node.administer("policy set", {**FIRST, **rules})
        await s.node.administer("vehicle set", {"vehicle": PARKED, "consent": None})
        await s.node.administer("switch throw", {**FIRST, "reach": "disable", "reason": "recall"})
        await driving(s)
        s.advance(30)  # its position is older than what is asked for
        ways_out: list[tuple[str, tuple[str, dict[str, Any]]]] = [
            (BLOCKED.format("stopped by a kill switch"), ("switch release", {**FIRST, "reach": "disable"})),
            (
                BLOCKED.format("no consent of the end user on record"),
                ("vehicle set", {"vehicle": PARKED, "consent": "form 2"}),
            ),
            (BLOCKED.format("limit of disables reached"), ("limit lift", FIRST)),
            (BLOCKED.format("no recent position on record"), ("policy set", {**FIRST, "locate_within": 0.0})),
            (
                BLOCKED.format("no notice to the end user on record"),
                ("notice add", {"vehicle": PARKED, "channel": "phone"}),
            ),
            (BLOCKED.format("reason required"), ("policy set", {**FIRST, "reason_required": False})),
        ]
        left = [reason for reason, _ in ways_out] + [not_met(3)]
        for reason, (operation, arguments) in ways_out:
            said = await ready(s, PARKED, "disable_ignition")
            assert (said["ready"], said["reasons"]) == (False, left)
            assert await sent(s, PARKED, "disable_ignition") == reason
            left.remove(reason)
            with_words = await ready(s, PARKED, "disable_ignition", reason="missing")
            assert BLOCKED.format("reason required") not in with_words["reasons"]
            await s.node.administer(operation, arguments)
        assert (await ready(s, PARKED, "disable_ignition"))["reasons"] == left
        assert await sent(s, PARKED, "disable_ignition", **words) == left[0]


async def driving(s: ServerEnv) -> None:
    """And Keyturn knows it."""
    signals = {
        "speed": 40.0,
        "vehicle_move_status": "forward",
        "system_power_mode": "on",
        "ignition_status": "ignition on",
    }
    await s.set_vehicle(PARKED, signals=signals)
    s.advance(121)
    await s.first.post(PARKED, "enable_ignition")
    await s.eventually(lambda: s.store.known(PARKED, "speed") == 40.0)


async def test_dry_run_tells_all_that_it_looked_at(parked: ServerEnv) -> None:
    await known(parked)
    await parked.node.administer("policy set", {**FIRST, "second_person": True, "disables_per_actor_hour": 3})
    try:
        said = await ready(parked, PARKED, "disable_ignition")
    finally:
        off = {"second_person": False, "disables_per_actor_hour": 0}
        await parked.node.administer("policy set", {**FIRST, **off})
    wanted = {
        "ready": True, "reasons": [], "offered": True, "in_plan": True, "granted": True, "ownership": "owned",
        "consent": True, "confirmation_needed": True, "approval_needed": True, "quota_free": True, "reachable": True,
        "limits_left": {"disables_per_actor_hour": 3}, "unread": [], "vin": PARKED, "command": "disable_ignition",
    }  # fmt: skip
    assert {name: said[name] for name in wanted} == wanted
    assert 0 <= said["last_contact_age"] < 120
    assert [(each["number"], each["text"], each["verdict"]) for each in said["preconditions"]] == [
        (3, SENTENCES[3], "met"),
        (13, SENTENCES[13], "met"),
    ]
    power = said["preconditions"][0]["signals"]["system_power_mode"]
    assert (power["value"], 0 <= power["age"] < 120) == ("off", True)


async def test_ten_codes_in_an_hour_are_a_reason(tmp_path: Path) -> None:
    async with server_env(tmp_path) as s:
        for _ in range(10):
            assert (await s.first.post(PARKED, "disable_ignition")).code == 200
        assert (await s.first.post(PARKED, "disable_ignition")).body["detail"] == "Too many requests."
        said = await ready(s, PARKED, "disable_ignition")
        assert (said["ready"], said["reasons"]) == (False, ["Too many requests."])
        assert "Too many requests." not in (await ready(s, PARKED, "enable_ignition"))["reasons"]


QUOTA_OF_TWO = {"quota": QuotaSettings(vehicle_hour=2, reserve=0)}


async def test_a_quota_that_is_used_up_is_a_reason_and_restoring_is_not_held(tmp_path: Path) -> None:
    async with server_env(tmp_path, connector=QUOTA_OF_TWO, commands=BRISK) as s:
        await s.done(PARKED, "unlock_door")
        said = await ready(s, PARKED, "alert")
        assert (said["quota_free"], said["reasons"]) == (False, [QUOTA])
        assert await sent(s, PARKED, "alert") == "Failed to send command to the OEM."
        assert (await ready(s, PARKED, "cancel_alert"))["quota_free"]


async def test_without_quota_nothing_can_be_read_and_the_unknown_refuses(tmp_path: Path) -> None:
    async with server_env(tmp_path, connector=QUOTA_OF_TWO, commands=BRISK) as s:
        await s.done(PARKED, "alert")
        await s.done(PARKED, "location")
        said = await ready(s, PARKED, "disable_ignition")
        assert said["reasons"][0] == await sent(s, PARKED, "disable_ignition")


async def test_dry_run_needs_the_application_where_there_are_several(parked: ServerEnv) -> None:
    reader = await parked.application("first", "reader", ["location"])
    named = await ready(parked, PARKED, "start", application=reader.client_id)
    assert (named["granted"], named["reasons"]) == (False, [COMMAND_TEXT])
    assert (await ready(parked, PARKED, "start", application="app"))["ready"]
