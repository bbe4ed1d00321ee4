"""An OEM whose answers bring nothing: what it said is in the timeline, in the dry run and in a metric."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.oem import DROP, Ending, ReceivedRequest, answer
from tests.support.refusals import not_met
from tests.support.server_env import ServerEnv

from .scripted import VIN, scripted

pytestmark = pytest.mark.anyio

TAKEN = answer(202, {"operation": {"id": "7"}})
BLOCKED = answer(403, {"error": {"code": "quota"}})


class Says(dict[str, Ending]):
    """What the OEM answers to reads of the `state` and to each `question`, where the test says so."""


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[tuple[ServerEnv, Says]]:
    says = Says()
    async with scripted(tmp_path, TAKEN) as (server, oem):
        otherwise = oem.script

        def script(seen: ReceivedRequest) -> Ending:
            about = "state" if seen.target.endswith("/state") else "question"
            return says.get(about) or otherwise(seen) if seen.method == "GET" else otherwise(seen)

        oem.script = script
        yield server, says


async def native(s: ServerEnv, command_id: str) -> dict[str, Any]:
    return await s.node.administer("command show", {"command": command_id})


async def ready(s: ServerEnv, command: str) -> dict[str, Any]:
    return await s.node.administer("vehicle ready", {"vin": VIN, "command": command})


def silent(shown: dict[str, Any], about: str) -> dict[str, Any] | None:
    """The exchange of the timeline's event of this kind."""
    found = [event for event in shown["timeline"] if event["kind"] == "oem.silent" and event["about"] == about]
    assert len(found) <= 1
    return found[0]["exchange"] if found else None


def counted(s: ServerEnv, about: str, status: str) -> float:
    wanted = f'keyturn_oem_silent_total{{about="{about}",connector="scripted",status="{status}"}} '
    lines = s.node.metrics.render().decode().splitlines()
    return next((float(line.removeprefix(wanted)) for line in lines if line.startswith(wanted)), 0.0)


BRING_NOTHING = [
    (BLOCKED, 403, 28, "the OEM answered 403", "4xx"),
    (answer(404, ""), 404, 0, "the OEM answered 404", "4xx"),
    (answer(204, ""), 204, 0, "the answer is empty", "2xx"),
    (answer(200, '{"signals": NaN}'), 200, 16, "the answer is not JSON", "2xx"),
    (answer(200, {"vehicles": []}), 200, 16, "the answer holds nothing that is looked for", "2xx"),
    (answer(200, {"x": "y" * 100_000}), 200, None, "the answer is larger than 64 KiB", "2xx"),
    (DROP, None, None, "the connection was lost", "none"),
]


@pytest.mark.parametrize(("ending", "status", "size", "problem", "counted_as"), BRING_NOTHING)
async def test_a_state_read_that_brings_nothing_leaves_a_trace(
    scene: tuple[ServerEnv, Says], ending: Ending, status: int | None, size: int | None, problem: str, counted_as: str
) -> None:
    s, says = scene
    says["state"] = ending

    refused = await s.first.send(VIN, "disable_ignition")

    assert (refused.code, refused.body["detail"]) == (409, not_met(13))
    shown = await native(s, refused.body["id"])
    assert shown["cause"] == ("reachability" if status is None else "oem")
    told = shown["timeline"][-1]["exchange"]
    assert (told.get("status"), told["problem"]) == (status, problem)
    assert told["request"] == f"GET /vehicles/{VIN}/state"
    assert told.get("size") == size or (size is None and (status is None or told["size"] > 65_536))
    verdicts = {finding["number"]: finding for finding in shown["verdicts"]}
    assert verdicts[13]["verdict"] == "unknown"
    assert problem in verdicts[13]["why"]
    assert counted(s, "state", counted_as) >= 1
    dry = await ready(s, "disable_ignition")
    assert (dry["ready"], not_met(13) in dry["reasons"]) == (False, True)
    assert (dry["state_read"]["problem"], dry["state_read"].get("status")) == (problem, status)


async def test_a_state_read_that_brings_something_clears_the_trace(scene: tuple[ServerEnv, Says]) -> None:
    s, says = scene
    says["state"] = BLOCKED
    locking = (await s.first.send(VIN, "lock_door")).body["id"]
    assert (silent(await native(s, locking), "state") or {})["status"] == 403

    says["state"] = answer(200, {"reachable": True, "last_contact": "2026-11-30T10:00:00Z"})
    await s.first.post(VIN, "enable_ignition")

    async def cleared() -> bool:
        return (await ready(s, "lock_door"))["state_read"] is None

    await s.eventually(cleared)
    assert silent(await native(s, locking), "state") is None


async def test_a_state_read_that_takes_too_long_leaves_a_trace(scene: tuple[ServerEnv, Says]) -> None:
    s, says = scene
    says["state"] = Ending(then="hang")
    refused = await s.first.send(VIN, "disable_ignition")
    told = (await native(s, refused.body["id"]))["timeline"][-1]["exchange"]
    assert told["problem"] == "no whole answer in time"


@pytest.mark.parametrize(
    ("ending", "status", "problem", "cause", "counted_as"),
    [
        (BLOCKED, 403, "the OEM answered 403", "oem", "4xx"),
        (answer(404, "<html>"), 404, "the OEM answered 404", "oem", "4xx"),
        (answer(200, "<html>"), 200, "the answer is not JSON", "oem", "2xx"),
        (answer(204, ""), 204, "the answer is empty", "oem", "2xx"),
        (DROP, None, "the connection was lost", "reachability", "none"),
    ],
)
async def test_questions_that_bring_nothing_leave_a_trace_and_decide_the_cause(
    scene: tuple[ServerEnv, Says], ending: Ending, status: int | None, problem: str, cause: str, counted_as: str
) -> None:
    s, says = scene
    says["question"] = ending
    locking = (await s.first.send(VIN, "lock_door")).body["id"]

    async def left_a_trace() -> bool:
        told = silent(await native(s, locking), "question")
        return told is not None and (told.get("status"), told["problem"]) == (status, problem)

    await s.eventually(left_a_trace)
    assert counted(s, "question", counted_as) >= 1
    s.advance(301)
    await s.has_state(locking, "Unknown")
    shown = await native(s, locking)
    assert shown["cause"] == cause
    lapsed = next(event for event in shown["timeline"] if event["kind"] == "command.Unknown")
    assert lapsed["exchange"]["problem"] == problem


async def test_a_vehicle_that_does_not_answer_stays_a_matter_of_reachability(scene: tuple[ServerEnv, Says]) -> None:
    """The OEM is asked and says "not yet" until the end, also after it had been silent for a while."""
    s, says = scene
    says["question"] = BLOCKED
    locking = (await s.first.send(VIN, "lock_door")).body["id"]

    async def silent_now() -> bool:
        return silent(await native(s, locking), "question") is not None

    async def speaks_again() -> bool:
        return silent(await native(s, locking), "question") is None

    await s.eventually(silent_now)
    says["question"] = answer(200, {"operation": {"status": "in_progress"}})
    await s.eventually(speaks_again)
    s.advance(301)
    await s.has_state(locking, "Unknown")
    assert (await native(s, locking))["cause"] == "reachability"


async def test_the_trace_holds_no_secret(scene: tuple[ServerEnv, Says]) -> None:
    s, says = scene
    says["state"] = answer(403, "the token sim-oem-token is blocked")
    refused = await s.first.send(VIN, "disable_ignition")
    shown = str(await native(s, refused.body["id"])) + str(await ready(s, "disable_ignition"))
    assert "sim-oem-token" not in shown
    assert re.search(r"the token \*\*\* is blocked", shown)
