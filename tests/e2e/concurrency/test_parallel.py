"""The same thing from many sides at once: one dispatch, one record, one truth for everybody."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

import pytest

from tests.support.clients import Answer
from tests.support.refusals import CODE_INVALID, CODE_USED, refused
from tests.support.server_env import ServerEnv

pytestmark = pytest.mark.anyio

MANY = 100


def ids(answers: list[Answer]) -> set[str]:
    return {answer.body["id"] for answer in answers}


def others(code: str, count: int) -> list[str]:
    """Six-digit codes that are not this one."""
    return [f"{(int(code) + number) % 1_000_000:06d}" for number in range(1, count + 1)]


@pytest.mark.parametrize("command", ["disable_ignition", "enable_ignition"])
async def test_one_code_leads_to_one_dispatch(shared: ServerEnv, vin: str, command: str) -> None:
    await shared.set_vehicle(vin, signals={"ignition_disabled": command == "enable_ignition"})
    first = (await shared.first.post(vin, command)).body
    answers = await asyncio.gather(*(shared.first.post(vin, command, first["code"]) for _ in range(MANY)))
    assert Counter(answer.code for answer in answers) == {200: 1, 409: MANY - 1}
    assert {refused(answer) for answer in answers if answer.code != 200} == {CODE_USED}
    (taken,) = [answer for answer in answers if answer.code == 200]
    assert (taken.body["id"], taken.body["status"]) == (first["id"], "Pending")
    assert (await shared.first.final(first["id"]))["status"] == "Success"
    assert await shared.actuations(vin) == [command]


async def test_a_hundred_identical_starts_are_one(shared: ServerEnv, vin: str) -> None:
    """The vehicle takes its time, and so it is in flight for all of them."""
    await shared.hold(vin)
    answers = await asyncio.gather(*(shared.first.post(vin, "start") for _ in range(MANY)))
    await shared.let_go(vin)
    assert {(answer.code, answer.body["status"]) for answer in answers} == {(200, "Pending")}
    (command_id,) = ids(answers)
    assert (await shared.first.final(command_id))["status"] == "Success"
    assert await shared.actuations(vin) == ["start"]
    assert shared.store.timeline(command_id).count("coalesced") == MANY - 1


async def test_five_wrong_codes_kill_the_code_however_they_come(shared: ServerEnv, vin: str) -> None:
    first = (await shared.first.post(vin, "disable_ignition")).body
    tries = others(first["code"], 30)
    answers = await asyncio.gather(*(shared.first.post(vin, "disable_ignition", code) for code in tries))
    assert {refused(answer) for answer in answers} == {CODE_INVALID}
    assert refused(await shared.first.post(vin, "disable_ignition", first["code"])) == CODE_INVALID
    assert (await shared.first.get(first["id"])).body["detail"] == "Confirmation invalid"
    assert shared.store.timeline(first["id"]) == ["registered", "Cancelled"]


async def test_four_wrong_codes_at_once_do_not(shared: ServerEnv, vin: str) -> None:
    first = (await shared.first.post(vin, "disable_ignition")).body
    tries = others(first["code"], 4)
    await asyncio.gather(*(shared.first.post(vin, "disable_ignition", code) for code in tries))
    assert (await shared.first.post(vin, "disable_ignition", first["code"])).body["id"] == first["id"]


async def test_many_first_steps_leave_one_code(shared: ServerEnv, vin: str) -> None:
    firsts = await asyncio.gather(*(shared.first.post(vin, "enable_ignition") for _ in range(20)))
    shown = [(await shared.first.get(command_id)).body for command_id in ids(firsts)]
    assert Counter(record["status"] for record in shown) == {"Confirmation": 1, "Error": 19}
    assert {record["detail"] for record in shown if record["status"] == "Error"} == {"Confirmation invalid"}
    (live,) = [record["id"] for record in shown if record["status"] == "Confirmation"]
    (code,) = [answer.body["code"] for answer in firsts if answer.body["id"] == live]
    assert (await shared.first.post(vin, "enable_ignition", code)).body["id"] == live


async def test_one_key_is_one_command(shared: ServerEnv, vin: str) -> None:
    key = {"Idempotency-Key": "once"}
    answers = await asyncio.gather(*(shared.first.post(vin, "unlock_door", **key) for _ in range(MANY)))
    assert {(answer.code, answer.body["status"]) for answer in answers} == {(200, "Pending")}
    (command_id,) = ids(answers)
    assert (await shared.first.final(command_id))["status"] == "Success"
    assert await shared.actuations(vin) == ["unlock_door"]
    assert len(shared.store.commands_of(vin)) == 1
    assert shared.store.timeline(command_id).count("coalesced") == 0


async def test_one_key_for_two_requests_serves_one_of_them(shared: ServerEnv, vin: str) -> None:
    key = {"Idempotency-Key": "either"}
    commands = ["lock_door", "alert"] * 20
    answers = await asyncio.gather(*(shared.first.post(vin, command, **key) for command in commands))
    assert Counter(answer.code for answer in answers) == {200: 20, 422: 20}
    (_,) = {answer.body["command"] for answer in answers if answer.code == 200}


async def test_one_key_on_many_first_steps_is_one_confirmation(shared: ServerEnv, vin: str) -> None:
    key = {"Idempotency-Key": "confirm"}
    answers = await asyncio.gather(*(shared.first.post(vin, "enable_ignition", **key) for _ in range(20)))
    assert {answer.body["status"] for answer in answers} == {"Confirmation"}
    (command_id,) = ids(answers)
    assert [row["command_id"] for row in shared.store.rows("SELECT * FROM open_code")].count(command_id) == 1
    assert shared.store.timeline(command_id) == ["registered"]


async def test_no_more_than_ten_codes_in_an_hour_however_they_are_asked_for(shared: ServerEnv, vin: str) -> None:
    answers = await asyncio.gather(*(shared.first.post(vin, "disable_ignition") for _ in range(30)))
    assert Counter(answer.code for answer in answers) == {200: 10, 429: 20}


async def test_opposites_at_once_never_meet_in_the_vehicle(shared: ServerEnv, vin: str) -> None:
    """Doors and horn from all sides: each reaches the OEM once, and one at a time."""
    await shared.latency(0.1)
    commands = ["lock_door", "unlock_door", "alert"] * 10
    answers = await asyncio.gather(*(shared.first.post(vin, command) for command in commands))
    await shared.latency(0.0)
    for command_id in ids(answers):
        await shared.first.final(command_id)
    sent = [operation for command_id in ids(answers) for operation in shared.operations(command_id)]
    assert len({operation.client_ref for operation in sent}) == len(sent)
    intervals = sorted((operation.accepted_at, operation.completed_at or 0) for operation in sent)
    assert all(later[0] >= earlier[1] for earlier, later in pairwise(intervals))


async def test_many_vehicles_at_once_each_do_their_own(shared: ServerEnv, garage: Iterator[str]) -> None:
    vins = [next(garage) for _ in range(20)]
    answers = await asyncio.gather(*(shared.first.post(vin, "start") for vin in vins))
    assert len(ids(answers)) == len(vins)
    for answer in answers:
        assert (await shared.first.final(answer.body["id"]))["status"] == "Success"
    assert [await shared.actuations(vin) for vin in vins] == [["start"]] * len(vins)
