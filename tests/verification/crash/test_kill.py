"""`kill -9` under load, again and again on the same data: nothing acknowledged is lost, nothing is done twice."""

import asyncio
from collections import Counter
from pathlib import Path

import pytest
from verification.crash.run_result import undecided, watched

from keyturn_simulator.faults import Fault
from tests.support.clock import eventually
from tests.verification.crash.consistency import assert_consistent, assert_done_once
from tests.verification.crash.db_snapshot import copied, in_flight, states
from tests.verification.crash.stage import CrashStage, crash_stage

pytestmark = pytest.mark.anyio

SEED = 20_240_501
ANSWERS = (120, 280)
"""A server is killed after so many answers, drawn anew for each, and once enough is in flight."""
KILLS = 3
IN_FLIGHT = 200
FAULTS = {Fault.NEVER_ANSWERS: 30, Fault.DROPS: 20, Fault.FLAKY: 20, Fault.SILENT: 4}
"""How many vehicles have an OEM that misbehaves in this way."""

_WATCHED_FOR = IN_FLIGHT * 6 // 5
_LOADED_WITHIN = 60.0
_FINAL_WITHIN = 90.0
"""Seconds. The longest that is due is a sending whose answer no server recorded: 30 s after its `send_by`."""


async def test_kills_at_seeded_moments_under_load(tmp_path: Path) -> None:
    async with crash_stage(tmp_path, seed=SEED, vehicles=400, applications=6, latency=10.0) as stage:
        misbehave(stage)
        async with stage.load() as clients:
            states_met: Counter[str] = Counter()
            for number in range(KILLS):
                states_met += await serve_until_killed(stage, tmp_path / f"killed-{number}")
            async with stage.server():
                behave(stage)
                stage.load_control.closing.set()
                await asyncio.wait(clients)
                with watched(stage.data) as connection:
                    await eventually(lambda: undecided(connection) == 0, _FINAL_WITHIN)
                    assert_consistent(connection)
                    assert_done_once(connection, stage.simulator)
                await assert_known(stage)
    assert states_met["Dispatching"], "no server died between the intent and the OEM's answer"
    assert sum(client.lost for client in stage.clients) > 0
    assert [client.unexpected for client in stage.clients if client.unexpected] == []


async def serve_until_killed(stage: CrashStage, folder: Path) -> Counter[str]:
    """How many commands the kill left in each state."""
    enough = len(stage.posts) + stage.chance.randint(*ANSWERS)
    async with stage.server() as server:
        with watched(stage.data) as connection:
            await eventually(
                lambda: len(stage.posts) >= enough and in_flight(connection).total() >= _WATCHED_FOR, _LOADED_WITHIN
            )
        await server.kill()
    with copied(stage.data, folder) as connection:
        assert_consistent(connection)
        assert {post.command_id for post in stage.posts} <= states(connection).keys()
        left = in_flight(connection)
    assert left.total() >= IN_FLIGHT
    return left


def misbehave(stage: CrashStage) -> None:
    """The first vehicles have an OEM with faults, the others a good one."""
    faults = [fault for fault, count in FAULTS.items() for _ in range(count)]
    for vin, fault in zip(stage.vins, faults, strict=False):
        set_fault(stage, vin, fault)


def behave(stage: CrashStage) -> None:
    """From now on every OEM is good, and every vehicle quick."""
    stage.simulator.simulation.set_latency(0.0)
    for vin in stage.vins[: sum(FAULTS.values())]:
        set_fault(stage, vin, Fault.NONE)


def set_fault(stage: CrashStage, vin: str, fault: Fault) -> None:
    simulation = stage.simulator.simulation
    simulation.set_vehicle(simulation.fleet[vin], {}, {"fault": fault})


async def assert_known(stage: CrashStage) -> None:
    """Every record that a client was answered is there, final, and agrees with the answer."""
    application = await stage.application()
    for post in set(stage.posts):
        answer = await application.get(post.command_id)
        assert answer.code == 200
        assert (answer.body["id"], answer.body["vin"], answer.body["command"]) == post
        assert answer.body["status"] in ("Success", "Error")


async def test_a_code_outlives_the_server_that_issued_it(tmp_path: Path) -> None:
    async with crash_stage(tmp_path, seed=SEED, vehicles=1, applications=1, latency=0.0) as stage:
        (vin,) = stage.vins
        async with stage.server() as server:
            application = await stage.application()
            first = await application.post(vin, "disable_ignition")
            await server.kill()
        async with stage.server():
            second = await application.post(vin, "disable_ignition", first.body["code"])
            again = await application.post(vin, "disable_ignition", first.body["code"])
            record = await application.final(second.body["id"])
    assert (second.code, second.body["id"]) == (200, first.body["id"])
    assert (again.code, again.body["detail"]) == (409, "Confirmation already used")
    assert record["status"] == "Success"
    assert [actuation.command for actuation in stage.simulator.simulation.memory.ledger.all()] == ["disable_ignition"]
