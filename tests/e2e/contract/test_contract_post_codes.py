"""Rows 10b, 11 and 11b of `POST /vehicle-command`, and what rows 8 to 10 say while codes are about."""

from pathlib import Path

import pytest

from tests.support.refusals import CODE_INVALID, CODE_USED, COMMAND_UNKNOWN, NO_CONSENT, TOO_MANY, VIN_UNKNOWN, refused
from tests.support.server_env import ServerEnv, server_env

pytestmark = pytest.mark.anyio

PARKED = "9KTPARKED00000001"


async def test_row_10b_the_eleventh_code_within_an_hour(shared: ServerEnv, vin: str) -> None:
    for _ in range(9):
        assert (await shared.first.post(vin, "disable_ignition")).body["status"] == "Confirmation"
    keyed = {"Idempotency-Key": "tenth"}
    tenth = await shared.first.post(vin, "disable_ignition", **keyed)
    assert tenth.body["status"] == "Confirmation"
    for headers in ({}, {"Idempotency-Key": "eleventh"}, keyed):
        answer = await shared.first.post(vin, "disable_ignition", **headers)
        assert refused(answer) == TOO_MANY
        assert 3500 < int(answer.headers["Retry-After"]) <= 3600
    assert (await shared.first.post(vin, "enable_ignition")).code == 200
    assert (await shared.first.post(vin, "disable_ignition", tenth.body["code"])).code == 200


async def test_row_10b_counts_key_replays_and_each_application_by_itself(shared: ServerEnv, vin: str) -> None:
    another = await shared.application("first", "another")
    keyed = {"Idempotency-Key": "replayed"}
    replays = [await shared.first.post(vin, "disable_ignition", **keyed) for _ in range(10)]
    assert len({answer.body["id"] for answer in replays}) == 1
    assert refused(await shared.first.post(vin, "disable_ignition")) == TOO_MANY
    assert (await another.post(vin, "disable_ignition")).code == 200


async def test_row_10b_ends_with_its_hour_and_comes_after_row_10(tmp_path: Path) -> None:
    async with server_env(tmp_path) as s:
        for _ in range(10):
            await s.first.post(PARKED, "disable_ignition")
        await s.node.administer("vehicle set", {"vehicle": PARKED, "consent": None})
        assert refused(await s.first.post(PARKED, "disable_ignition")) == NO_CONSENT
        await s.node.administer("vehicle set", {"vehicle": PARKED, "consent": "form 2"})
        assert refused(await s.first.post(PARKED, "disable_ignition")) == TOO_MANY
        s.advance(3601)
        await s.first.log_in()
        assert (await s.first.post(PARKED, "disable_ignition")).body["status"] == "Confirmation"


async def test_row_11_a_code_for_something_else(shared: ServerEnv, vin: str) -> None:
    await shared.own_car("ANOTHER-CAR")
    codes = {
        (at, command): (await shared.first.post(at, command)).body["code"]
        for at in (vin, "ANOTHER-CAR")
        for command in ("disable_ignition", "enable_ignition")
    }
    own = codes.pop((vin, "disable_ignition"))
    for code in {*codes.values()} - {own}:
        assert refused(await shared.first.post(vin, "disable_ignition", code)) == CODE_INVALID
    assert (await shared.first.post(vin, "disable_ignition", own)).body["status"] == "Pending"


async def test_row_11b_a_code_is_redeemed_once_and_row_10_comes_before(shared: ServerEnv, vin: str) -> None:
    code = (await shared.first.post(vin, "disable_ignition")).body["code"]
    assert (await shared.first.post(vin, "disable_ignition", code)).code == 200
    assert refused(await shared.first.post(vin, "disable_ignition", code)) == CODE_USED
    await shared.node.administer("vehicle set", {"vehicle": vin, "consent": None})
    assert refused(await shared.first.post(vin, "disable_ignition", code)) == NO_CONSENT


async def test_row_11b_says_so_for_a_day(tmp_path: Path) -> None:
    async with server_env(tmp_path) as s:
        code = (await s.first.post(PARKED, "disable_ignition")).body["code"]
        await s.first.post(PARKED, "disable_ignition", code)
        for seconds, expected in ((86_390, CODE_USED), (20, CODE_INVALID)):
            s.advance(seconds)
            await s.first.log_in()
            assert refused(await s.first.post(PARKED, "disable_ignition", code)) == expected


async def test_rows_8_and_9_never_stand_before_an_enable_while_an_immobilisation_is_open(
    shared: ServerEnv, vin: str
) -> None:
    done = await shared.first.confirmed(vin, "disable_ignition")
    assert (await shared.first.final(done.body["id"]))["status"] == "Success"
    await shared.node.administer("vehicle set", {"vehicle": vin, "plan": "location", "ownership": "third_party"})
    assert refused(await shared.first.post(vin, "disable_ignition")) == VIN_UNKNOWN
    enabled = await shared.first.confirmed(vin, "enable_ignition")
    assert (await shared.first.final(enabled.body["id"]))["status"] == "Success"
    assert refused(await shared.first.post(vin, "enable_ignition")) == COMMAND_UNKNOWN
