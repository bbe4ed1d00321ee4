import asyncio
from datetime import datetime, timedelta

import aiohttp
import pytest

from tests.support.clock import eventually

from .oem import Oem

pytestmark = pytest.mark.anyio
COMMANDS = ["location", "start", "disable_ignition"]


def ledger_of(command: str) -> list[str]:
    return [] if command == "location" else [command]


@pytest.mark.parametrize("command", COMMANDS)
async def test_oem_error_answers_500_once_per_ref_and_takes_nothing(oem: Oem, command: str) -> None:
    vin = "9KT0EM50000000013"
    status, body = await oem.send(vin, command)
    assert (status, body["error"]["code"]) == (500, "internal_error")
    assert (await oem.look_up(), await oem.ledger()) == ([], [])
    assert (await oem.done(vin, command))["status"] == "success"
    assert (await oem.send(vin, command, "ref-2"))[0] == 500


@pytest.mark.parametrize("command", COMMANDS)
async def test_flaky_answers_503_twice_and_then_works(oem: Oem, command: str) -> None:
    vin = "9KTFLAKY000000017"
    assert [(await oem.send(vin, command))[0] for _ in range(2)] == [503, 503]
    assert await oem.look_up() == []
    assert (await oem.done(vin, command))["status"] == "success"
    assert await oem.actuated(vin) == ledger_of(command)


@pytest.mark.parametrize("command", COMMANDS)
async def test_no_url_takes_the_command_without_saying_where_to_ask(oem: Oem, command: str) -> None:
    vin = "9KTN0URL000000014"
    assert await oem.send(vin, command) == (202, {"operation": {}})
    assert await oem.look_up() == []
    assert await oem.actuated(vin) == ledger_of(command)


@pytest.mark.parametrize("command", COMMANDS)
async def test_bad_json_takes_the_command_and_answers_rubbish(oem: Oem, command: str) -> None:
    vin = "9KTBADJS000000018"
    with pytest.raises(ValueError, match="Expecting value"):
        await oem.send(vin, command)
    assert await oem.look_up() == []
    assert await oem.actuated(vin) == ledger_of(command)


@pytest.mark.parametrize("command", COMMANDS)
async def test_a_call_that_is_never_answered_is_found_by_look_up(oem: Oem, command: str) -> None:
    vin = "9KTT1ME0000000015"
    waiting = asyncio.create_task(oem.send(vin, command))

    async def taken() -> bool:
        return bool(await oem.look_up())

    await eventually(taken)
    assert [found["status"] for found in await oem.look_up()] == ["success"]
    assert await oem.actuated(vin) == ledger_of(command)
    assert not waiting.done()
    waiting.cancel()
    await asyncio.wait([waiting])


@pytest.mark.parametrize("command", COMMANDS)
async def test_a_dropped_connection_leaves_the_command_taken(oem: Oem, command: str) -> None:
    vin = "9KTDR0P0000000016"
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await oem.send(vin, command)
    assert [found["status"] for found in await oem.look_up()] == ["success"]
    assert await oem.actuated(vin) == ledger_of(command)


async def test_the_vehicle_out_of_coverage_is_accepted_for_and_never_answers(oem: Oem) -> None:
    vin = "9KTN0C0V000000011"
    operations = [await oem.done(vin, command, command) for command in COMMANDS]
    await oem.advance(7 * 86400)
    assert {(await oem.operation(operation["url"]))["status"] for operation in operations} == {"in_progress"}
    report = await oem.state(vin)
    assert report["reachable"] is False
    assert age(report, await oem.call("GET", f"{oem.base_url}/control/clock")) >= timedelta(hours=1)
    assert await oem.ledger() == []


@pytest.mark.parametrize("command", COMMANDS[1:])
async def test_the_late_vehicle_acts_and_answers_at_twenty_seconds(oem: Oem, command: str) -> None:
    vin = "9KTLATE0000000012"
    operation = await oem.done(vin, command)
    await oem.advance(19.9)
    assert (await oem.operation(operation["url"]))["status"] == "in_progress"
    assert await oem.actuated(vin) == []
    await oem.advance(0.1)
    assert (await oem.operation(operation["url"]))["status"] == "success"
    assert await oem.actuated(vin) == [command]


async def test_the_late_vehicle_reports_its_location_late_too(oem: Oem) -> None:
    operation = await oem.done("9KTLATE0000000012", "location")
    await oem.advance(19.9)
    assert (await oem.operation(operation["url"]))["status"] == "in_progress"
    await oem.advance(0.1)
    assert (await oem.operation(operation["url"]))["status"] == "success"


@pytest.mark.parametrize("command", COMMANDS)
async def test_the_slow_vehicle_needs_twenty_seconds(oem: Oem, command: str) -> None:
    operation = await oem.done("9KTSL0W0000000019", command)
    await oem.advance(19.9)
    assert (await oem.operation(operation["url"]))["status"] == "in_progress"
    await oem.advance(0.1)
    assert (await oem.operation(operation["url"]))["status"] == "success"


@pytest.mark.parametrize("command", COMMANDS[1:])
async def test_the_liar_reports_success_and_nothing_happens(oem: Oem, command: str) -> None:
    vin = "9KTL1AR0000000020"
    before = await oem.values(vin)
    assert (await oem.done(vin, command))["status"] == "success"
    assert await oem.values(vin) == before
    assert await oem.ledger() == []


async def test_stale_reads_stay_an_hour_old_and_do_not_show_what_happened_since(oem: Oem) -> None:
    vin = "9KTSTALE000000021"
    assert (await oem.done(vin, "start"))["status"] == "success"
    await oem.advance(300)
    report = await oem.state(vin)
    assert report["reachable"] is None
    assert age(report, await oem.call("GET", f"{oem.base_url}/control/clock")) == timedelta(hours=1)
    assert report["signals"]["remote_start_active"]["value"] is False
    await oem.advance(3400)
    assert (await oem.values(vin))["remote_start_active"] is True
    assert await oem.actuated(vin) == ["start"]


async def test_any_vehicle_can_be_given_a_fault(oem: Oem) -> None:
    vin = "9KTFLEET000000001"
    await oem.control(f"vehicles/{vin}", fault="oem_error")
    assert (await oem.send(vin, "alert"))[0] == 500
    await oem.control(f"vehicles/{vin}", fault="none")
    assert (await oem.send(vin, "alert", "ref-2"))[0] == 202


def age(report: dict[str, str], clock: tuple[int, dict[str, str]]) -> timedelta:
    return datetime.fromisoformat(clock[1]["now"]) - datetime.fromisoformat(report["last_contact"])
