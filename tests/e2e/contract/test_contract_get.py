"""`GET /vehicle-command/{id}`: the shape of every status, waiting, conditional requests, and when `updated` moves."""

import asyncio
import json
import uuid
from pathlib import Path

import pytest

from tests.support.clients import Answer
from tests.support.refusals import BEARER_INVALID, BEARER_MISSING, COMMAND_UNKNOWN, WAIT_INVALID, refused
from tests.support.server_env import ServerEnv, server_env

pytestmark = pytest.mark.anyio

RECORD = ["id", "vin", "command", "status", "detail", "updated"]
PARKED, LATE = "9KTPARKED00000001", "9KTLATE0000000012"


async def fetched(s: ServerEnv, path: str, method: str = "GET", **headers: str) -> Answer:
    """Any request to the record's route, with headers of its own."""
    sent = {"Authorization": f"Bearer {s.first.token}", **headers}
    async with s.http.request(method, f"{s.url}/vehicle-command/{path}", headers=sent) as response:
        raw = await response.read()
        return Answer(response.status, json.loads(raw) if raw else {}, response.headers)


async def test_the_shape_of_each_status(shared: ServerEnv, vin: str) -> None:
    confirmation = (await shared.first.post(vin, "disable_ignition")).body
    pending = (await shared.held(vin, "location")).body
    refusal = (await shared.first.post("9KTM0V1NG00000002", "start")).body
    success = (await shared.first.post("9KTPARKED00000001", "lock_door")).body
    await shared.first.final(success["id"])
    for posted, status in (
        (confirmation, "Confirmation"), (pending, "Pending"), (refusal, "Error"), (success, "Success"),
    ):  # fmt: skip
        answer = await shared.first.get(posted["id"])
        assert (answer.code, list(answer.body)) == (200, RECORD)
        assert [answer.body[key] for key in ("id", "vin", "command")] == [
            posted[key] for key in ("id", "vin", "command")
        ]
        assert answer.body["status"] == status
        assert (answer.body["detail"] == {}) is (status in ("Confirmation", "Pending"))
    assert list((await shared.first.get(success["id"])).body["detail"]) == ["date_time"]


async def test_the_code_is_never_shown(shared: ServerEnv, vin: str) -> None:
    first = (await shared.first.post(vin, "disable_ignition")).body
    for _ in range(2):
        shown = (await shared.first.get(first["id"])).body
        assert list(shown) == RECORD
        assert first["code"] not in json.dumps([shown["status"], shown["detail"], shown["command"]])
        await shared.first.post(vin, "disable_ignition", first["code"])


@pytest.mark.parametrize("path", ["none", "7", str(uuid.UUID(int=7)), str(uuid.UUID(int=0)), "%00", "..%2ftoken"])
async def test_an_unknown_id_and_what_is_no_id(shared: ServerEnv, path: str) -> None:
    assert refused(await fetched(shared, path)) == COMMAND_UNKNOWN


async def test_another_companys_id_is_as_unknown_as_any(shared: ServerEnv, vin: str) -> None:
    command_id = (await shared.first.post(vin, "location")).body["id"]
    other, unknown = await shared.second.get(command_id), await shared.second.get(str(uuid.uuid4()))
    assert refused(other) == refused(unknown) == COMMAND_UNKNOWN
    assert set(other.headers) == set(unknown.headers)
    assert refused(await shared.second.get(command_id, wait=1)) == COMMAND_UNKNOWN


async def test_the_route_answers_with_a_slash_upper_case_and_to_head(shared: ServerEnv, vin: str) -> None:
    command_id = (await shared.first.post(vin, "location")).body["id"]
    record = await shared.first.final(command_id)
    for path in (command_id, f"{command_id}/", command_id.upper()):
        assert (await fetched(shared, path)).body == record
    head = await fetched(shared, command_id, "HEAD")
    assert (head.code, head.body) == (200, {})
    assert head.headers["ETag"] == (await fetched(shared, command_id)).headers["ETag"]
    wrong = await fetched(shared, command_id, "DELETE")
    assert (*refused(wrong), "GET" in wrong.headers["Allow"]) == (405, "Method Not Allowed", True)


async def test_a_bearer_is_asked_for(shared: ServerEnv, vin: str) -> None:
    command_id = (await shared.first.post(vin, "location")).body["id"]
    assert refused(await fetched(shared, command_id, Authorization="Token x")) == BEARER_MISSING
    assert refused(await fetched(shared, command_id, Authorization="Bearer x")) == BEARER_INVALID


@pytest.mark.parametrize("wait", ["-1", "31", "1.5", "x", "", "1e1", "%2B1", "٣"])
async def test_wait_is_an_integer_from_0_to_30(shared: ServerEnv, vin: str, wait: str) -> None:
    command_id = (await shared.first.post(vin, "location")).body["id"]
    assert refused(await fetched(shared, f"{command_id}?wait={wait}")) == WAIT_INVALID


async def test_wait_holds_the_answer_until_the_record_is_final(shared: ServerEnv, vin: str) -> None:
    command_id = (await shared.held(vin, "start")).body["id"]
    assert (await shared.first.get(command_id)).body["status"] == "Pending"
    waiting = asyncio.create_task(shared.first.get(command_id, wait=30))
    done, _ = await asyncio.wait({waiting}, timeout=0.3)
    assert not done
    await shared.let_go(vin)
    assert (await waiting).body["status"] == "Success"
    assert (await shared.first.get(command_id, wait=30)).body["status"] == "Success"


async def test_wait_ends_with_its_time(shared: ServerEnv, vin: str) -> None:
    command_id = (await shared.held(vin, "start")).body["id"]
    assert (await shared.first.get(command_id, wait=1)).body["status"] == "Pending"


async def test_wait_hears_of_a_confirmation_that_was_replaced(shared: ServerEnv, vin: str) -> None:
    command_id = (await shared.first.post(vin, "enable_ignition")).body["id"]
    waiting = asyncio.create_task(shared.first.get(command_id, wait=30))
    await shared.first.post(vin, "enable_ignition")
    assert (await waiting).body["detail"] == "Confirmation invalid"


async def test_a_client_that_knows_the_record_hears_304(shared: ServerEnv, vin: str) -> None:
    command_id = (await shared.held(vin, "start")).body["id"]
    tag = (await fetched(shared, command_id)).headers["ETag"]
    assert tag.startswith('"')
    again = await fetched(shared, command_id, **{"If-None-Match": f'"other", {tag}'})
    assert (again.code, again.body, again.headers["ETag"]) == (304, {}, tag)
    waited = await fetched(shared, f"{command_id}?wait=1", **{"If-None-Match": tag})
    assert waited.code == 304
    await shared.let_go(vin)
    await shared.first.final(command_id)
    changed = await fetched(shared, command_id, **{"If-None-Match": tag})
    assert (changed.code, changed.body["status"]) == (200, "Success")
    assert changed.headers["ETag"] != tag


async def test_updated_equals_created_until_status_or_detail_change(shared: ServerEnv, vin: str) -> None:
    posted = (await shared.held(vin, "start")).body
    shared.advance(50)
    assert (await shared.first.get(posted["id"])).body["updated"] == posted["created"]
    await shared.let_go(vin)
    record = await shared.first.final(posted["id"])
    assert record["updated"] > posted["created"]
    assert record["detail"]["date_time"] > posted["created"]


async def test_verification_changes_neither_status_nor_updated(tmp_path: Path) -> None:
    """The vehicle is seen to agree only later."""
    async with server_env(tmp_path) as s:
        await s.set_vehicle(PARKED, fault="liar")
        command_id = (await s.first.confirmed(PARKED, "disable_ignition")).body["id"]
        await s.eventually(lambda: s.store.timeline(command_id)[-1] == "contradicted")
        executed = await fetched(s, command_id)
        s.advance(60)
        await s.set_vehicle(PARKED, fault="none", signals={"ignition_disabled": True})
        await s.has_state(command_id, "Verified")
        verified = await fetched(s, command_id)
        assert (verified.body, verified.headers["ETag"]) == (executed.body, executed.headers["ETag"])
        assert s.store.timeline(command_id)[-2:] == ["contradicted", "Verified"]


async def test_a_late_answer_turns_error_into_success_and_updated_moves(tmp_path: Path) -> None:
    async with server_env(tmp_path) as s:
        posted = (await s.first.post(LATE, "start")).body
        s.advance(11)
        error = await s.first.final(posted["id"])
        assert (error["status"], error["detail"]) == (
            "Error",
            "Outcome unknown. The vehicle may have executed the command.",
        )
        s.advance(10)
        success = await s.first.final(posted["id"], status="Success")
        assert posted["created"] < error["updated"] < success["updated"]
        assert await s.actuations(LATE) == ["start"]
