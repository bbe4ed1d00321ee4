"""Registered, then refused or failed while the POST waits: the record form, its codes and its texts."""

import asyncio
from pathlib import Path

import pytest

from keyturn.config.settings import CommandSettings
from tests.e2e.scripted import VIN, commands_of, scripted
from tests.support.clients import Answer
from tests.support.oem import DROP, HANG, Ending, ReceivedRequest, answer
from tests.support.server_env import ServerEnv, server_env

pytestmark = pytest.mark.anyio

PARKED, MOVING, DISABLED, OEM_500, NO_URL, FLAKY, BAD_JSON, STALE = (
    "9KTPARKED00000001", "9KTM0V1NG00000002", "9KTD1SABL00000010", "9KT0EM50000000013", "9KTN0URL000000014",
    "9KTFLAKY000000017", "9KTBADJS000000018", "9KTSTALE000000021",
)  # fmt: skip
NOT_SENT = "Failed to send command to the OEM."
NO_OPERATION = "Failed to initiate command with the OEM or retrieve status URL."
MAY_HAVE = " The vehicle may have executed it."
MOVING_AND_ON = (
    "Precondition not met: The vehicle must not be moving. The vehicle must be turned off. "
    "The transmission must be in Park."
)
UNREACHABLE = "Precondition not met: The vehicle must be reachable and connected."
IMMOBILISED = "Command blocked by policy: vehicle is immobilised."
NEVER_WAITS = CommandSettings(initiate_wait=0)
BRIEF = CommandSettings(initiate_wait=1.0)
"""Time for two tries of three."""


def failed(answer: Answer) -> tuple[int, str]:
    """Code and detail of a POST that answers with a record that shows `Error`."""
    assert list(answer.body) == ["id", "vin", "command", "status", "created", "detail"], answer
    assert answer.body["status"] == "Error"
    return answer.code, answer.body["detail"]


async def detail_of(s: ServerEnv, answer: Answer) -> object:
    """What the record of this answer says once it is final; it must show `Error`."""
    record = await s.first.final(answer.body["id"])
    assert (record["id"], record["status"]) == (answer.body["id"], "Error")
    return record["detail"]


@pytest.mark.parametrize(
    ("vin", "command", "code", "detail", "shown"),
    [
        (MOVING, "start", 409, MOVING_AND_ON, MOVING_AND_ON),
        (MOVING, "disable_ignition", 409, "Precondition not met: The vehicle must be turned off.", None),
        (STALE, "disable_ignition", 409, UNREACHABLE, UNREACHABLE),
        (DISABLED, "start", 403, IMMOBILISED, IMMOBILISED),
        (OEM_500, "start", 502, NOT_SENT, NOT_SENT),
        (OEM_500, "location", 502, NOT_SENT, NOT_SENT),
        (NO_URL, "alert", 502, NO_OPERATION, NO_OPERATION + MAY_HAVE),
        (BAD_JSON, "alert", 502, NO_OPERATION, NO_OPERATION + MAY_HAVE),
        (NO_URL, "location", 502, NO_OPERATION, NO_OPERATION),
        (BAD_JSON, "location", 502, NO_OPERATION, NO_OPERATION),
    ],
)
async def test_command_that_ends_while_the_post_waits_is_answered_with_its_end(
    shared: ServerEnv, vin: str, command: str, code: int, detail: str, shown: str | None
) -> None:
    answer = await shared.first.send(vin, command)
    assert failed(answer) == (code, detail)
    assert await detail_of(shared, answer) == (shown or detail)


async def test_a_contradiction_that_the_store_knows_is_refused_at_acceptance(tmp_path: Path) -> None:
    """Also where no POST waits; the first one, of which nothing was known yet, is registered and then refused."""
    async with server_env(tmp_path, commands=NEVER_WAITS) as s:
        first = await s.first.post(MOVING, "start")
        assert (first.code, first.body["status"]) == (200, "Pending")
        assert await detail_of(s, first) == MOVING_AND_ON
        second = await s.first.post(MOVING, "start")
        assert failed(second) == (409, MOVING_AND_ON)
        assert s.store.timeline(second.body["id"]) == ["registered"]
        assert await s.actuations(MOVING) == []


@pytest.mark.parametrize(
    ("vin", "command", "status", "detail"),
    [
        (STALE, "disable_ignition", "Error", UNREACHABLE),
        (DISABLED, "start", "Error", IMMOBILISED),
        (OEM_500, "start", "Error", NOT_SENT),
        (FLAKY, "start", "Success", None),
        (PARKED, "start", "Success", None),
    ],
)
async def test_without_a_wait_every_registered_command_is_pending(
    tmp_path: Path, vin: str, command: str, status: str, detail: str | None
) -> None:
    async with server_env(tmp_path, commands=NEVER_WAITS) as s:
        answer = await s.first.send(vin, command)
        assert (answer.code, answer.body["status"]) == (200, "Pending")
        record = await s.first.final(answer.body["id"])
        assert record["status"] == status
        assert detail is None or record["detail"] == detail


async def test_without_a_wait_a_missing_operation_is_pending_until_its_answer_deadline(tmp_path: Path) -> None:
    """It could still be found by look-up; where a POST waited, it said 502 and shows `Error` at once."""
    async with server_env(tmp_path, commands=NEVER_WAITS) as s:
        answer = await s.first.post(NO_URL, "alert")
        assert (answer.code, answer.body["status"]) == (200, "Pending")
        await s.has_state(answer.body["id"], "Unknown")
        assert (await s.first.get(answer.body["id"])).body["status"] == "Pending"
        s.advance(301)
        assert await detail_of(s, answer) == NO_OPERATION + MAY_HAVE


async def test_an_oem_that_refuses_for_a_precondition_is_a_409(tmp_path: Path) -> None:
    refusal = answer(409, {"error": {"code": "hood_open", "message": "<b>capot aberto</b>"}})
    async with scripted(tmp_path, refusal) as (s, oem):
        heard = await s.first.post(VIN, "start")
        assert failed(heard) == (409, "Precondition not met: The hood must be closed.")
        assert await detail_of(s, heard) == heard.body["detail"]
        assert len(commands_of(oem)) == 1


async def test_what_the_oem_cannot_take_while_the_post_waits_is_pending_and_done_later(tmp_path: Path) -> None:
    async with server_env(tmp_path, commands=BRIEF) as s:
        heard = await s.first.post(FLAKY, "start")
        assert (heard.code, heard.body["status"]) == (200, "Pending")
        assert (await s.first.final(heard.body["id"]))["status"] == "Success"
        assert await s.actuations(FLAKY) == ["start"]


async def test_a_pause_that_the_post_does_not_live_to_see_is_pending_at_once_and_waited_for(tmp_path: Path) -> None:
    """The POST would wait for a minute; the OEM asks for two; the command may be sent for five."""
    busy, taken = answer(503, {}, Retry_After="120"), answer(202, {"operation": {"id": "7"}})
    long, key = CommandSettings(initiate_wait=60, send_wait={"start": 300.0}), {"Idempotency-Key": "k-1"}
    async with scripted(tmp_path, busy, taken, commands=long) as (s, oem):
        heard = await s.first.post(VIN, "start", **key)
        assert (heard.code, heard.body["status"]) == (200, "Pending")
        joined, replayed = await s.first.post(VIN, "start"), await s.first.post(VIN, "start", **key)
        assert [(each.code, each.body["status"], each.body["id"]) for each in (joined, replayed)] == [
            (200, "Pending", heard.body["id"])
        ] * 2
        assert len(commands_of(oem)) == 1
        row = s.store.command(heard.body["id"])
        assert (row["state"], row["cause"]) == ("Queued", "oem")


async def test_what_restores_passes_one_that_waits_for_its_next_try(tmp_path: Path) -> None:
    def script(seen: ReceivedRequest) -> Ending:
        if seen.method != "POST":
            return answer(404, {})
        busy = seen.target.endswith("lock_door")
        return answer(503, {}, Retry_After="30") if busy else answer(202, {"operation": {"id": "7"}})

    async with scripted(tmp_path, DROP) as (s, oem):
        oem.script = script
        locking = await s.first.post(VIN, "lock_door")
        enabling = await s.first.send(VIN, "enable_ignition")
        await s.has_state(enabling.body["id"], "Accepted")
        assert s.store.command(locking.body["id"])["state"] == "Queued"
        assert [seen.target.rpartition("/")[2] for seen in commands_of(oem)] == ["lock_door", "enable_ignition"]


async def test_the_end_of_the_wait_leaves_what_restores_alive(tmp_path: Path) -> None:
    async with server_env(tmp_path, commands=BRIEF) as s:
        await s.set_vehicle(FLAKY, signals={"ignition_disabled": True})
        answer = await s.first.confirmed(FLAKY, "enable_ignition")
        assert (answer.code, answer.body["status"]) == (200, "Pending")
        assert (await s.first.final(answer.body["id"]))["status"] == "Success"
        assert await s.actuations(FLAKY) == ["enable_ignition"]


async def test_a_post_that_waits_long_enough_hears_nothing_of_a_temporary_failure(shared: ServerEnv) -> None:
    answer = await shared.first.post(FLAKY, "start")
    assert (answer.code, answer.body["status"]) == (200, "Pending")
    assert await shared.actuations(FLAKY) == ["start"]


async def test_a_quota_that_frees_after_the_send_deadline_is_a_502_at_once(tmp_path: Path) -> None:
    """The POST would wait for a minute."""
    busy = answer(503, {}, Retry_After="61")
    async with scripted(tmp_path, busy, commands=CommandSettings(initiate_wait=60)) as (s, oem):
        heard = await s.first.post(VIN, "start")
        assert failed(heard) == (502, NOT_SENT)
        assert len(commands_of(oem)) == 1


async def test_an_oem_that_cannot_be_reached_was_not_sent_to(tmp_path: Path) -> None:
    async with scripted(tmp_path, answer(200, {}), commands=BRIEF) as (s, oem):
        await oem.stop()
        heard = await s.first.post(VIN, "start")
        assert (heard.code, heard.body["status"]) == (200, "Pending")
        s.advance(61)
        assert await detail_of(s, heard) == NOT_SENT


async def test_once_the_post_said_pending_a_temporary_failure_is_retried_until_the_send_deadline(
    tmp_path: Path,
) -> None:
    async with scripted(tmp_path, answer(503, {}), answer(503, {}, Retry_After="30"), commands=NEVER_WAITS) as (s, oem):
        heard = await s.first.post(VIN, "start")
        assert (heard.code, heard.body["status"]) == (200, "Pending")
        await s.eventually(lambda: bool(s.store.command(heard.body["id"])["attempts"] == 2))
        assert (await s.first.get(heard.body["id"])).body["status"] == "Pending"
        s.advance(61)
        assert await detail_of(s, heard) == NOT_SENT
        assert len(commands_of(oem)) == 2


@pytest.mark.parametrize("ending", [DROP, HANG, answer(418, {}), answer(302, {}, Location="/elsewhere")])
async def test_command_that_may_have_happened_is_pending(tmp_path: Path, ending: Ending) -> None:
    """A connection lost after sending, an answer that does not come, and answers that nobody listed."""
    async with scripted(tmp_path, ending, commands=BRIEF) as (s, oem):
        heard = await s.first.post(VIN, "start")
        assert (heard.code, heard.body["status"]) == (200, "Pending")
        await s.eventually(lambda: len(commands_of(oem)) == 1)
        assert (await s.first.get(heard.body["id"])).body["status"] == "Pending"
        assert s.store.command(heard.body["id"])["may_have_executed"] == 1
        await oem.stop()


async def test_other_final_states_while_the_post_waits_answer_pending(shared: ServerEnv, vin: str) -> None:
    """A queued command that another supersedes."""
    await shared.hold(vin)
    await shared.first.post(vin, "alert")
    locking = asyncio.create_task(shared.first.post(vin, "lock_door"))
    await shared.eventually(lambda: [row["name"] for row in shared.store.commands_of(vin)] == ["alert", "lock_door"])
    unlocking = asyncio.create_task(shared.first.post(vin, "unlock_door"))
    superseded = await locking
    assert (superseded.code, superseded.body["status"]) == (200, "Pending")
    await shared.let_go(vin)
    unlocked = (await unlocking).body["id"]
    assert await detail_of(shared, superseded) == f"Superseded by command {unlocked}."


async def test_posts_that_end_in_an_error_say_exactly_what_the_record_says(shared: ServerEnv) -> None:
    answer = await shared.first.post(OEM_500, "unlock_door")
    shown = (await shared.first.get(answer.body["id"])).body
    assert [shown[key] for key in ("id", "vin", "command", "status", "detail")] == [
        answer.body[key] for key in ("id", "vin", "command", "status", "detail")
    ]
