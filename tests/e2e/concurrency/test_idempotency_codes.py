"""The `Idempotency-Key` header on the first step of the ignition pair, whose code is stored nowhere."""

from pathlib import Path

import pytest

from tests.support.clients import Answer, Application
from tests.support.refusals import CODE_INVALID, KEY_REUSED, refused
from tests.support.server_env import ServerEnv, server_env

pytestmark = pytest.mark.anyio

PARKED, OEM_500, NO_COVERAGE = "9KTPARKED00000001", "9KT0EM50000000013", "9KTN0C0V000000011"
KEY = {"Idempotency-Key": "step-1"}


async def first_step(application: Application, vin: str, command: str = "disable_ignition") -> Answer:
    return await application.post(vin, command, **KEY)


def wrong(*codes: str) -> str:
    """Six digits that are none of these."""
    return next(code for code in (f"{number:06d}" for number in range(10)) if code not in codes)


async def test_an_open_confirmation_gets_a_new_code_under_the_same_id(tmp_path: Path) -> None:
    async with server_env(tmp_path) as s:
        first = await first_step(s.first, PARKED)
        second = await first_step(s.first, PARKED)
        assert (second.code, second.body["id"]) == (200, first.body["id"])
        assert list(second.body) == list(first.body)
        if second.body["code"] != first.body["code"]:
            assert refused(await s.first.post(PARKED, "disable_ignition", first.body["code"])) == CODE_INVALID
        redeemed = await s.first.post(PARKED, "disable_ignition", second.body["code"])
        assert (redeemed.code, redeemed.body["id"]) == (200, first.body["id"])


async def test_the_new_code_has_five_minutes_of_its_own(tmp_path: Path) -> None:
    async with server_env(tmp_path) as s:
        await first_step(s.first, PARKED)
        s.advance(200)
        second = await first_step(s.first, PARKED)
        s.advance(200)
        assert (await s.first.post(PARKED, "disable_ignition", second.body["code"])).code == 200


async def test_tries_are_kept_across_codes(tmp_path: Path) -> None:
    async with server_env(tmp_path) as s:
        first = await first_step(s.first, PARKED)
        for _ in range(4):
            await s.first.post(PARKED, "disable_ignition", wrong(first.body["code"]))
        second = await first_step(s.first, PARKED)
        assert second.body["id"] == first.body["id"]
        await s.first.post(PARKED, "disable_ignition", wrong(first.body["code"], second.body["code"]))
        assert refused(await s.first.post(PARKED, "disable_ignition", second.body["code"])) == CODE_INVALID
        assert (await s.first.get(first.body["id"])).body["detail"] == "Confirmation invalid"


@pytest.mark.parametrize(("vin", "code"), [(PARKED, 200), (OEM_500, 502), (NO_COVERAGE, 409)])
async def test_once_redeemed_it_answers_as_step_two_did(tmp_path: Path, vin: str, code: int) -> None:
    async with server_env(tmp_path) as s:
        first = await first_step(s.first, vin)
        second = await s.first.post(vin, "disable_ignition", first.body["code"])
        assert second.code == code
        replayed = await first_step(s.first, vin)
        assert (replayed.code, replayed.body) == (second.code, second.body)


async def test_a_confirmation_that_joined_another_answers_so_again(shared: ServerEnv, vin: str) -> None:
    """Redeemed too late: the record of the one in flight is the answer, also to the key of step one."""
    colleague = await shared.application("first", "colleague")
    late = await first_step(shared.first, vin)
    await shared.hold(vin)
    running = await colleague.confirmed(vin, "disable_ignition")
    joined = await shared.first.post(vin, "disable_ignition", late.body["code"], **{"Idempotency-Key": "step-2"})
    assert joined.body == running.body
    again = await shared.first.post(vin, "disable_ignition", late.body["code"], **{"Idempotency-Key": "step-2"})
    assert (again.code, again.body) == (200, running.body)
    replayed = await first_step(shared.first, vin)
    assert (replayed.code, replayed.body["status"]) == (200, "Pending")


async def test_an_expired_confirmation_frees_its_key(tmp_path: Path) -> None:
    async with server_env(tmp_path) as s:
        first = await first_step(s.first, PARKED)
        s.advance(301)
        second = await first_step(s.first, PARKED)
        assert (second.body["status"], second.body["id"] != first.body["id"]) == ("Confirmation", True)
        s.advance(301)
        assert (await s.first.post(PARKED, "location", **KEY)).code == 200


async def test_an_invalid_confirmation_frees_its_key(tmp_path: Path) -> None:
    """Replaced by a first call without the key, or killed by wrong tries."""
    async with server_env(tmp_path) as s:
        first = await first_step(s.first, PARKED)
        assert refused(await s.first.post(PARKED, "enable_ignition", **KEY)) == KEY_REUSED
        await s.first.post(PARKED, "disable_ignition")
        second = await first_step(s.first, PARKED)
        assert (second.body["status"], second.body["id"] != first.body["id"]) == ("Confirmation", True)
        for _ in range(5):
            await s.first.post(PARKED, "disable_ignition", wrong(second.body["code"]))
        third = await first_step(s.first, PARKED)
        assert (third.body["status"], third.body["id"] != second.body["id"]) == ("Confirmation", True)


async def test_a_first_call_that_joins_a_running_command_keeps_its_key(shared: ServerEnv, vin: str) -> None:
    await shared.hold(vin)
    running = await shared.first.confirmed(vin, "disable_ignition")
    keyed = {"Idempotency-Key": "joined"}
    joined = await shared.first.post(vin, "disable_ignition", **keyed)
    assert joined.body == running.body
    await shared.let_go(vin)
    await shared.first.final(running.body["id"])
    assert (await shared.first.post(vin, "disable_ignition", **keyed)).body == running.body
