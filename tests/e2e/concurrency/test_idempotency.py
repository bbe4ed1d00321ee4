"""The `Idempotency-Key` header: the same key and request lead to the same record for a day."""

import asyncio
import json
from pathlib import Path

import pytest

from keyturn.config.settings import CommandSettings
from tests.e2e.scripted import VIN, commands_of, scripted
from tests.support.clients import Answer, Application
from tests.support.oem import HANG, answer
from tests.support.refusals import (
    CODE_INVALID,
    CODE_USED,
    KEY_INVALID,
    KEY_REUSED,
    NO_CONSENT,
    SIGNATURE_INVALID,
    VIN_UNKNOWN,
    not_met,
    refused,
)
from tests.support.server_env import ServerEnv, server_env

pytestmark = pytest.mark.anyio

PARKED, OEM_500, NO_URL, DISABLED, MOVING = (
    "9KTPARKED00000001", "9KT0EM50000000013", "9KTN0URL000000014", "9KTD1SABL00000010", "9KTM0V1NG00000002",
)  # fmt: skip


def key(name: str = "order-1") -> dict[str, str]:
    return {"Idempotency-Key": name}


async def repeated(application: Application, vin: str, command: str) -> Answer:
    """The first answer; two more requests with its key hear the same."""
    first = await application.post(vin, command, **key("repeated"))
    for _ in range(2):
        again = await application.post(vin, command, **key("repeated"))
        assert (again.code, again.body) == (first.code, first.body)
    return first


@pytest.mark.parametrize("name", ["", " ", "two words", "x" * 65, "é", "tab\there"])
async def test_a_key_is_1_to_64_visible_characters(shared: ServerEnv, vin: str, name: str) -> None:
    assert refused(await shared.first.post(vin, "location", **key(name))) == KEY_INVALID
    assert refused(await shared.first.post("UNKNOWN", "location", **key(name))) == KEY_INVALID
    forged = {"X-Signature": "0" * 64, **key(name)}
    assert refused(await shared.first.post(vin, "location", **forged)) == SIGNATURE_INVALID


@pytest.mark.parametrize("name", ["!", "~" * 64, '"quoted"', "a,b;c=d"])
async def test_any_visible_characters_are_a_key(shared: ServerEnv, vin: str, name: str) -> None:
    first = await shared.first.post(vin, "location", **key(name))
    assert (first.code, (await shared.first.post(vin, "location", **key(name))).body) == (200, first.body)


async def test_a_replay_says_pending_as_the_first_answer_did_whatever_became_of_it(shared: ServerEnv, vin: str) -> None:
    first = await shared.first.post(vin, "lock_door", **key("done"))
    assert (await shared.first.final(first.body["id"]))["status"] == "Success"
    again = await shared.first.post(vin, "lock_door", **key("done"))
    assert (again.code, again.body) == (200, first.body)
    assert await shared.actuations(vin) == ["lock_door"]


@pytest.mark.parametrize(
    ("vin", "command", "code"),
    [(OEM_500, "start", 502), (NO_URL, "alert", 502), (DISABLED, "start", 403), (MOVING, "start", 409)],
)
async def test_a_replay_has_the_code_and_status_of_the_first_answer(
    tmp_path: Path, vin: str, command: str, code: int
) -> None:
    async with server_env(tmp_path) as s:
        first = await repeated(s.first, vin, command)
        assert (first.code, first.body["status"]) == (code, "Error")
        assert len(s.store.commands_of(vin)) == 1


async def test_a_replay_of_a_refusal_at_acceptance_is_the_same_record(shared: ServerEnv) -> None:
    assert (await shared.first.post(MOVING, "start")).code == 409
    first = await repeated(shared.first, MOVING, "start")
    assert (first.code, first.body["detail"]) == (409, not_met(1, 3, 9))


async def test_a_502_is_replayed_after_the_record_turned_to_success(shared: ServerEnv) -> None:
    """The vehicle was seen to have done it; what the first answer said stays what it said."""
    first = await shared.first.post(NO_URL, "start", **key("unclear"))
    assert (first.code, first.body["status"]) == (502, "Error")
    await shared.first.final(first.body["id"], status="Success")
    again = await shared.first.post(NO_URL, "start", **key("unclear"))
    assert (again.code, again.body) == (502, first.body)


async def test_only_an_answer_that_registered_or_joined_is_kept(shared: ServerEnv, vin: str) -> None:
    """A refused request leaves its key as free as it was, for any other request too."""
    assert refused(await shared.first.post("UNKNOWN", "location", **key("free"))) == VIN_UNKNOWN
    await shared.node.administer("vehicle set", {"vehicle": vin, "consent": None})
    assert refused(await shared.first.post(vin, "disable_ignition", **key("free"))) == NO_CONSENT
    assert refused(await shared.first.post(vin, "enable_ignition", "000000", **key("free"))) == CODE_INVALID
    assert (await shared.first.post(vin, "location", **key("free"))).code == 200


async def test_the_same_key_for_another_request_is_refused(shared: ServerEnv, vin: str) -> None:
    """Another VIN, command, code, reason or case; also where the rows that follow would refuse."""
    kept = {**key("kept"), "X-Reason": "theft", "X-Case": "7"}
    first = await shared.first.post(vin, "lock_door", **kept)
    for changed in (
        await shared.first.post(PARKED, "lock_door", **kept),
        await shared.first.post("UNKNOWN", "lock_door", **kept),
        await shared.first.post(vin.lower(), "lock_door", **kept),
        await shared.first.post(vin, "unlock_door", **kept),
        await shared.first.post(vin, "lock_door", "123456", **kept),
        await shared.first.post(vin, "lock_door", **{**kept, "X-Reason": "arrears"}),
        await shared.first.post(vin, "lock_door", **{**kept, "X-Case": "8"}),
        await shared.first.post(vin, "lock_door", **key("kept")),
    ):
        assert refused(changed) == KEY_REUSED
    assert (await shared.first.post(vin, "lock_door", **kept)).body == first.body


async def test_idempotency_ignores_how_the_request_was_written(shared: ServerEnv, vin: str) -> None:
    first = await shared.first.post(vin, "lock_door", **key("rewritten"))
    body = json.dumps({"x": 1, "command": "lock_door", "vin": vin, "code": None}, indent=2).encode()
    signature = shared.first.signature(vin, "lock_door").upper()
    sent = {"Authorization": f"bearer {shared.first.token}", "X-Signature": signature, **key("rewritten")}
    assert (await shared.first.send_raw(body, sent)).body == first.body


async def test_a_key_is_one_applications_own(shared: ServerEnv, vin: str) -> None:
    colleague = await shared.application("first", "colleague")
    first = await shared.first.post(vin, "lock_door", **key("mine"))
    assert (await colleague.post(vin, "unlock_door", **key("mine"))).code == 200
    assert (await shared.second.post("9KT0THER000000025", "location", **key("mine"))).code == 200
    assert (await shared.first.post(vin, "lock_door", **key("mine"))).body == first.body


async def test_a_key_is_kept_for_a_day(tmp_path: Path) -> None:
    async with server_env(tmp_path) as s:
        first = await s.first.post(PARKED, "lock_door", **key())
        await s.first.final(first.body["id"])
        for seconds, same in ((86_390, True), (20, False)):
            s.advance(seconds)
            await s.first.log_in()
            again = await s.first.post(PARKED, "lock_door", **key())
            assert (again.body["id"] == first.body["id"]) is same


async def test_a_key_answers_after_the_right_to_the_command_is_gone(shared: ServerEnv, vin: str) -> None:
    """It is looked up before rows 8 and 9."""
    first = await shared.first.post(vin, "lock_door", **key("removed"))
    await shared.node.administer("vehicle set", {"vehicle": vin, "active": False})
    assert refused(await shared.first.post(vin, "lock_door")) == VIN_UNKNOWN
    assert (await shared.first.post(vin, "lock_door", **key("removed"))).body == first.body


async def test_while_the_first_request_waits_a_second_answers_pending(tmp_path: Path) -> None:
    async with scripted(tmp_path, HANG, commands=CommandSettings(initiate_wait=30)) as (s, oem):
        first = asyncio.create_task(s.first.post(VIN, "start", **key()))
        await s.eventually(lambda: len(commands_of(oem)) == 1)
        second = await s.first.post(VIN, "start", **key())
        assert not first.done()
        assert (second.code, second.body["status"]) == (200, "Pending")
        await oem.stop()
        assert (await first).body == second.body


async def test_a_second_answer_while_the_first_waits_does_not_fix_what_the_first_hears(tmp_path: Path) -> None:
    """The OEM refuses for good after a first "not now": the first hears 502, and so does every later replay."""
    endings = (answer(503, {}), answer(500, {}))
    async with scripted(tmp_path, *endings, commands=CommandSettings(initiate_wait=30)) as (s, oem):
        first = asyncio.create_task(s.first.post(VIN, "start", **key()))
        await s.eventually(lambda: len(commands_of(oem)) == 1)
        assert (await s.first.post(VIN, "start", **key())).body["status"] == "Pending"
        assert (await first).code == 502
        assert (await s.first.post(VIN, "start", **key())).body == (await first).body


async def test_a_joining_answer_is_kept_too(shared: ServerEnv, vin: str) -> None:
    await shared.hold(vin)
    running = await shared.first.post(vin, "start")
    joined = await shared.first.post(vin, "start", **key("joined"))
    assert joined.body == running.body
    await shared.let_go(vin)
    await shared.first.final(running.body["id"])
    assert (await shared.first.post(vin, "start", **key("joined"))).body == running.body


async def test_a_joining_answer_stays_what_it_was_though_the_record_failed_later(tmp_path: Path) -> None:
    """It joined while the first POST still waited, and that one heard a 502 in the end."""
    endings = (answer(503, {}), answer(500, {}))
    async with scripted(tmp_path, *endings, commands=CommandSettings(initiate_wait=30)) as (s, oem):
        first = asyncio.create_task(s.first.post(VIN, "start"))
        await s.eventually(lambda: len(commands_of(oem)) == 1)
        joined = await s.first.post(VIN, "start", **key())
        assert (joined.code, joined.body["status"]) == (200, "Pending")
        assert (await first).code == 502
        assert (await s.first.post(VIN, "start", **key())).body == joined.body


async def test_a_joining_502_is_kept_too(tmp_path: Path) -> None:
    async with server_env(tmp_path) as s:
        running = await s.first.post(NO_URL, "alert")
        joined = await s.first.post(NO_URL, "alert", **key())
        assert (joined.code, joined.body) == (502, running.body)
        s.advance(301)
        assert (await s.first.post(NO_URL, "alert", **key())).body == running.body


async def test_step_two_can_be_repeated_with_a_key(shared: ServerEnv, vin: str) -> None:
    """Its answer may have been lost on the way; without the key the code is used."""
    code = (await shared.first.post(vin, "disable_ignition")).body["code"]
    first = await shared.first.post(vin, "disable_ignition", code, **key("step-2"))
    assert refused(await shared.first.post(vin, "disable_ignition", code)) == CODE_USED
    again = await shared.first.post(vin, "disable_ignition", code, **key("step-2"))
    assert (again.code, again.body) == (200, first.body)
