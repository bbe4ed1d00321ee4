"""A vehicle's lane: one actuating command at a time, in order; what supersedes, and what overtakes."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from itertools import pairwise

import pytest

from keyturn.config.settings import CommandSettings
from keyturn_simulator import SimulatorSettings
from tests.support.refusals import not_met
from tests.support.server_env import FLEET, ServerEnv, server_env

pytestmark = pytest.mark.anyio

BRIEF = 0.15
"""Seconds that a vehicle with the fault `slow` needs in these tests."""


@pytest.fixture(scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ServerEnv]:
    """POSTs never wait, so that what one test sends is all under way."""
    cloud = SimulatorSettings(vehicles=FLEET, lively=False, slow_seconds=BRIEF)
    never_waits = CommandSettings(initiate_wait=0)
    async with server_env(
        tmp_path_factory.mktemp("lanes"), vehicles=FLEET, simulator=cloud, commands=never_waits
    ) as running:
        yield running


async def sent(s: ServerEnv, vin: str, command: str) -> str:
    """The id of a command that is Pending."""
    answer = await s.first.send(vin, command)
    assert (answer.code, answer.body["status"]) == (200, "Pending"), answer
    return str(answer.body["id"])


async def ends(s: ServerEnv, command_id: str) -> str:
    return str((await s.first.final(command_id))["status"])


async def wait_in_the_lane(s: ServerEnv, vin: str, *command_ids: str) -> None:
    """They are Queued, and still are after the engine served a read of the vehicle that came after them."""
    reading = await sent(s, vin, "location")
    await s.has_state(reading, "Accepted")
    assert states(s, *command_ids) == ["Queued"] * len(command_ids)
    assert [s.operations(command_id) for command_id in command_ids] == [[]] * len(command_ids)


def states(s: ServerEnv, *command_ids: str) -> list[str]:
    return [s.store.command(command_id)["state"] for command_id in command_ids]


async def test_actuating_commands_go_one_after_another_in_their_order(shared: ServerEnv, garage: Iterator[str]) -> None:
    """Several vehicles at once, each with commands that take their time."""
    commands = ("unlock_door", "start", "alert")
    vins = [next(garage) for _ in range(4)]

    async def driven(vin: str) -> list[str]:
        await shared.set_vehicle(vin, fault="slow")
        return [await sent(shared, vin, command) for command in commands]

    for sendings in await asyncio.gather(*map(driven, vins)):
        assert [await ends(shared, command_id) for command_id in sendings] == ["Success"] * len(commands)
        operations = [operation for command_id in sendings for operation in shared.operations(command_id)]
        assert [operation.command for operation in operations] == [*commands]
        for earlier, later in pairwise(operations):
            assert earlier.completed_at is not None
            assert later.accepted_at >= earlier.completed_at


async def test_a_command_waits_for_the_one_before_it(shared: ServerEnv, vin: str) -> None:
    first = (await shared.held(vin, "lock_door")).body["id"]
    second, third = await sent(shared, vin, "start"), await sent(shared, vin, "alert")
    await wait_in_the_lane(shared, vin, second, third)
    assert states(shared, first) == ["Accepted"]
    await shared.let_go(vin)
    assert await ends(shared, third) == "Success"
    assert await shared.actuations(vin) == ["lock_door", "start", "alert"]


async def test_a_read_without_answer_delays_nothing(shared: ServerEnv, vin: str) -> None:
    await shared.hold(vin)
    reads = [await sent(shared, vin, command) for command in ("location", "diagnostics")]
    for command_id in reads:
        await shared.has_state(command_id, "Accepted")
    locking = await sent(shared, vin, "lock_door")
    await shared.has_state(locking, "Accepted")
    assert states(shared, *reads) == ["Accepted", "Accepted"]


async def test_reads_wait_for_nothing(shared: ServerEnv, vin: str) -> None:
    await shared.held(vin, "alert")
    reading = await sent(shared, vin, "location")
    await shared.has_state(reading, "Accepted")


async def test_a_cancel_start_overtakes_the_start_it_cancels_and_all_that_waits(shared: ServerEnv, vin: str) -> None:
    """The vehicle would start in an hour; it never does."""
    starting = (await shared.held(vin, "start")).body["id"]
    waiting = [await sent(shared, vin, command) for command in ("lock_door", "alert")]
    cancelling = await sent(shared, vin, "cancel_start")
    await shared.has_state(cancelling, "Accepted")
    await wait_in_the_lane(shared, vin, *waiting)
    assert states(shared, starting) == ["Accepted"]
    await shared.let_go(vin)
    assert [await ends(shared, command_id) for command_id in (cancelling, *waiting)] == ["Success"] * 3
    assert (await shared.actuations(vin))[-2:] == ["lock_door", "alert"]


async def test_a_cancel_start_stops_a_start_that_the_vehicle_did_not_begin(shared: ServerEnv, vin: str) -> None:
    await shared.set_vehicle(vin, fault="late")
    starting = await sent(shared, vin, "start")
    await shared.has_state(starting, "Accepted")
    await shared.let_go(vin)
    cancelling = await sent(shared, vin, "cancel_start")
    assert await ends(shared, cancelling) == "Success"
    record = await shared.first.final(starting)
    assert (record["status"], record["detail"]) == ("Error", "Cancelled at the OEM before the vehicle got it.")
    assert await shared.actuations(vin) == ["cancel_start"]
    assert shared.signal(vin, "remote_start_active") is False


async def test_a_cancel_alert_overtakes_the_alert_it_cancels(shared: ServerEnv, vin: str) -> None:
    alerting = (await shared.held(vin, "alert")).body["id"]
    waiting = await sent(shared, vin, "lock_door")
    cancelling = await sent(shared, vin, "cancel_alert")
    await shared.has_state(cancelling, "Accepted")
    await wait_in_the_lane(shared, vin, waiting)
    assert states(shared, alerting) == ["Accepted"]
    await shared.let_go(vin)
    assert await ends(shared, cancelling) == "Success"
    assert await ends(shared, waiting) == "Success"
    assert shared.signal(vin, "hazard_lights") == "off"


async def test_only_the_cancel_of_what_is_under_way_overtakes(shared: ServerEnv, vin: str) -> None:
    """A cancel_start waits behind an alert as anything else does."""
    await shared.done(vin, "start")
    await shared.held(vin, "alert")
    cancelling = await sent(shared, vin, "cancel_start")
    await wait_in_the_lane(shared, vin, cancelling)
    await shared.let_go(vin)
    assert await ends(shared, cancelling) == "Success"
    assert await shared.actuations(vin) == ["start", "alert", "cancel_start"]


async def test_what_restores_outlives_whatever_holds_the_lane(shared: ServerEnv, vin: str) -> None:
    """The alert is given up after five minutes; anything else would have waited one minute for it."""
    await shared.done(vin, "start")
    await shared.held(vin, "alert")
    locking, cancelling = await sent(shared, vin, "lock_door"), await sent(shared, vin, "cancel_start")
    shared.advance(290)
    assert (await shared.first.final(locking))["detail"] == "Not sent in time."
    assert (await shared.first.get(cancelling)).body["status"] == "Pending"
    shared.advance(11)
    await shared.has_state(cancelling, "Accepted")
    await shared.let_go(vin)
    assert await ends(shared, cancelling) == "Success"


async def test_a_restoring_command_supersedes_its_unsent_opposite(shared: ServerEnv, vin: str) -> None:
    await shared.held(vin, "lock_door")
    starting = await sent(shared, vin, "start")
    cancelling = await sent(shared, vin, "cancel_start")
    assert states(shared, starting, cancelling) == ["Cancelled", "Queued"]
    record = (await shared.first.get(starting)).body
    assert record["detail"] == f"Superseded by command {cancelling}."
    await shared.let_go(vin)
    await shared.first.final(cancelling)
    assert "start" not in await shared.actuations(vin)


async def test_nothing_supersedes_a_restoring_command(shared: ServerEnv, vin: str) -> None:
    await shared.done(vin, "disable_ignition")
    await shared.held(vin, "alert")
    enabling = await sent(shared, vin, "enable_ignition")
    disabling = await sent(shared, vin, "disable_ignition")
    await wait_in_the_lane(shared, vin, enabling, disabling)
    await shared.let_go(vin)
    assert [await ends(shared, enabling), await ends(shared, disabling)] == ["Success", "Success"]
    assert await shared.actuations(vin) == ["disable_ignition", "alert", "enable_ignition", "disable_ignition"]


@pytest.mark.parametrize(("older", "newer"), [("lock_door", "unlock_door"), ("unlock_door", "lock_door")])
async def test_the_doors_supersede_each_other(shared: ServerEnv, vin: str, older: str, newer: str) -> None:
    await shared.held(vin, "alert")
    first, second = await sent(shared, vin, older), await sent(shared, vin, newer)
    assert states(shared, first, second) == ["Cancelled", "Queued"]
    await shared.let_go(vin)
    assert await ends(shared, second) == "Success"
    assert (await shared.first.get(first)).body["detail"] == f"Superseded by command {second}."
    assert await shared.actuations(vin) == ["alert", newer]


async def test_a_door_command_that_evidence_contradicts_supersedes_nothing(shared: ServerEnv, vin: str) -> None:
    await shared.held(vin, "alert")
    locking = await sent(shared, vin, "lock_door")
    await shared.set_vehicle(vin, signals={"speed": 5.0})
    await shared.first.post(vin, "disable_ignition")
    await shared.eventually(lambda: shared.store.known(vin, "speed") == 5.0)
    refusal = await shared.first.post(vin, "unlock_door")
    assert (refusal.code, refusal.body["detail"]) == (409, not_met(1))
    assert states(shared, locking) == ["Queued"]


@pytest.mark.parametrize("disable_is_sent", [False, True])
async def test_enable_disable_enable_in_quick_succession_ends_enabled(
    shared: ServerEnv, vin: str, disable_is_sent: bool
) -> None:
    await shared.done(vin, "disable_ignition")
    enabling = (await shared.held(vin, "enable_ignition")).body["id"]
    disabling = await sent(shared, vin, "disable_ignition")
    if disable_is_sent:
        await shared.let_go(vin)
        await shared.first.final(enabling)
        await shared.first.final(disabling)
    again = await sent(shared, vin, "enable_ignition")
    assert again != enabling
    await shared.let_go(vin)
    await shared.first.final(again)
    assert await ends(shared, disabling) == ("Success" if disable_is_sent else "Error")
    assert shared.signal(vin, "ignition_disabled") is False
    await shared.done(vin, "start")


async def test_an_enable_goes_through_after_a_disable_of_unclear_outcome(shared: ServerEnv, vin: str) -> None:
    """The report from before says that nothing was ever disabled: it proves nothing any more."""
    disabling = (await shared.held(vin, "disable_ignition")).body["id"]
    shared.advance(601)
    await shared.first.log_in()
    assert (await shared.first.final(disabling))["status"] == "Error"
    await shared.set_vehicle(vin, evidence_age=3600.0)
    await shared.let_go(vin)
    await shared.done(vin, "enable_ignition")
    assert shared.signal(vin, "ignition_disabled") is False
