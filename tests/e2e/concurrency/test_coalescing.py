"""Repeating a request whose command is in flight: the same record, whatever stands against a new one."""

import asyncio
from pathlib import Path

import pytest

from tests.e2e.scripted import VIN, commands_of, scripted
from tests.support.oem import DROP
from tests.support.refusals import CODE_INVALID, refused
from tests.support.server_env import ServerEnv, server_env

pytestmark = pytest.mark.anyio

PARKED, NO_URL = "9KTPARKED00000001", "9KTN0URL000000014"
NO_OPERATION = "Failed to initiate command with the OEM or retrieve status URL."


@pytest.mark.parametrize("command", ["location", "diagnostics", "lock_door", "alert", "start", "disable_ignition"])
async def test_a_command_in_flight_is_joined(shared: ServerEnv, vin: str, command: str) -> None:
    """Also by another application of the company; each joining is in the record's timeline, with who it was."""
    first = await shared.held(vin, command)
    colleague = await shared.application("first", f"colleague of {command}")
    for application in (shared.first, colleague):
        joined = await application.post(vin, command)
        assert (joined.code, joined.body) == (first.code, first.body)
    entries = [entry for entry in shared.store.entries("command.coalesced") if entry["command_id"] == first.body["id"]]
    owner = shared.store.command(first.body["id"])["actor"]
    assert [entry["actor"] == owner for entry in entries] == [True, False]
    await shared.let_go(vin)
    assert (await shared.first.final(first.body["id"]))["status"] == "Success"
    assert await shared.actuations(vin) == ([] if command in ("location", "diagnostics") else [command])


@pytest.mark.parametrize("command", ["cancel_start", "cancel_alert", "enable_ignition"])
async def test_a_restoring_command_in_flight_is_joined(shared: ServerEnv, vin: str, command: str) -> None:
    opposites = {"cancel_start": "start", "cancel_alert": "alert", "enable_ignition": "disable_ignition"}
    before = await shared.first.send(vin, opposites[command])
    await shared.first.final(before.body["id"])
    first = await shared.held(vin, command)
    joined = await shared.first.post(vin, command)
    assert (joined.code, joined.body) == (first.code, first.body)


async def test_a_command_that_waits_in_the_lane_is_joined(shared: ServerEnv, vin: str) -> None:
    await shared.held(vin, "alert")
    first = asyncio.create_task(shared.first.post(vin, "lock_door"))
    await shared.eventually(lambda: len(shared.store.commands_of(vin)) == 2)
    joined = await shared.first.post(vin, "lock_door")
    assert not first.done(), "joining does not wait"
    await shared.let_go(vin)
    assert (await first).body == joined.body


async def test_ended_command_is_not_joined_by_a_new_request(shared: ServerEnv, vin: str) -> None:
    first = await shared.first.post(vin, "lock_door")
    await shared.first.final(first.body["id"])
    second = await shared.first.post(vin, "lock_door")
    assert (second.code, second.body["id"] != first.body["id"]) == (200, True)


async def test_a_running_command_never_hears_a_refusal(shared: ServerEnv, vin: str) -> None:
    """Neither for evidence nor for policy; those who have no right to the command hear rows 8 and 9."""
    starting = await shared.held(vin, "start")
    await shared.set_vehicle(vin, signals={"hood_status": "open"})
    shared.advance(121)
    assert (await shared.first.post(vin, "start")).body == starting.body
    locating = await shared.application("first", "may only locate", ["location"])
    assert (await locating.post(vin, "start")).code == 404


async def test_a_running_disable_is_joined_though_consent_was_withdrawn(shared: ServerEnv, vin: str) -> None:
    """Without a code; with one, rows 10 to 11b answer first."""
    other = await shared.application("first", "with a code")
    code = (await other.post(vin, "disable_ignition")).body["code"]
    disabling = await shared.held(vin, "disable_ignition")
    wrong = f"{(int(code) + 1) % 1_000_000:06d}"
    assert refused(await other.post(vin, "disable_ignition", wrong)) == CODE_INVALID
    await shared.node.administer("vehicle set", {"vehicle": vin, "consent": None})
    assert (await shared.first.post(vin, "disable_ignition")).body == disabling.body
    assert (await other.post(vin, "disable_ignition", code)).code == 403
    await shared.node.administer("vehicle set", {"vehicle": vin, "consent": "form 2"})
    assert (await other.post(vin, "disable_ignition", code)).body == disabling.body


async def test_command_is_not_joined_across_a_later_opposite(shared: ServerEnv, vin: str) -> None:
    """Lock, unlock, lock: the last word is a command of its own."""
    locking = await shared.held(vin, "lock_door")
    unlocking = asyncio.create_task(shared.first.post(vin, "unlock_door"))
    await shared.eventually(lambda: len(shared.store.commands_of(vin)) == 2)
    relocking = asyncio.create_task(shared.first.post(vin, "lock_door"))
    assert (await unlocking).body["status"] == "Pending"
    await shared.let_go(vin)
    assert (await relocking).body["id"] != locking.body["id"]
    assert (await shared.first.final((await relocking).body["id"]))["status"] == "Success"
    assert await shared.actuations(vin) == ["lock_door", "lock_door"]
    assert shared.signal(vin, "doors_locked") is True


async def test_an_unknown_outcome_is_joined_until_its_answer_deadline(tmp_path: Path) -> None:
    async with scripted(tmp_path, DROP) as (s, oem):
        first = await s.first.post(VIN, "start")
        await s.has_state(first.body["id"], "Unknown")
        assert (await s.first.post(VIN, "start")).body == first.body
        s.advance(301)
        await s.first.final(first.body["id"])
        again = await s.first.post(VIN, "start")
        assert (again.code, again.body["id"] != first.body["id"]) == (200, True)
        assert len(commands_of(oem)) == 2


@pytest.mark.parametrize("command", ["cancel_start", "cancel_alert"])
async def test_an_unknown_restoring_command_is_not_joined(tmp_path: Path, command: str) -> None:
    """It is sent again, as a command of its own, at once."""
    async with scripted(tmp_path, DROP) as (s, oem):
        first = await s.first.post(VIN, command)
        await s.has_state(first.body["id"], "Unknown")
        again = await s.first.post(VIN, command)
        assert (again.code, again.body["id"] != first.body["id"]) == (200, True)
        assert len(commands_of(oem)) == 2


async def test_an_unknown_enable_does_not_keep_a_new_code_back(tmp_path: Path) -> None:
    async with scripted(tmp_path, DROP) as (s, oem):
        first = await s.first.confirmed(VIN, "enable_ignition")
        await s.has_state(first.body["id"], "Unknown")
        assert (await s.first.confirmed(VIN, "enable_ignition")).body["id"] != first.body["id"]
        assert len(commands_of(oem)) == 2


async def test_joining_a_record_that_shows_an_error_hears_its_502_again(tmp_path: Path) -> None:
    async with server_env(tmp_path) as s:
        first = await s.first.post(NO_URL, "alert")
        assert (first.code, first.body["detail"]) == (502, NO_OPERATION)
        joined = await s.first.post(NO_URL, "alert")
        assert (joined.code, joined.body) == (502, first.body)
        s.advance(301)

        async def it_is_a_command_of_its_own() -> bool:
            return bool((await s.first.post(NO_URL, "alert")).body["id"] != first.body["id"])

        await s.eventually(it_is_a_command_of_its_own)
        assert await s.actuations(NO_URL) == ["alert", "alert"]
