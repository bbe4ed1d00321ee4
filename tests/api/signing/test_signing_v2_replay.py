"""A captured request cannot be replayed: a whole Keyturn, real sockets, the very bytes sent again."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest

from keyturn.app import Node
from keyturn.clock import SECOND
from keyturn.config.settings import LimitSettings
from tests.support.http_message import COVERED, drafted, parameters
from tests.support.server_env import ServerEnv
from tests.support.server_env import server_env as whole

pytestmark = pytest.mark.anyio

PARKED = "9KTPARKED00000001"
INVALID = (403, {"detail": "X-Signature invalid."})


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def env(tmp_path: Path) -> AsyncIterator[ServerEnv]:
    async with whole(tmp_path) as running:
        yield running


def captured(
    env: ServerEnv, command: str = "lock_door", *, age: int = 0, code: str | None = None, **more: str
) -> bytes:
    """A right request of the first company's application as it went over the wire, signed `age` seconds ago."""
    names = tuple(name.replace("_", "-") for name in more)
    client, created = env.first, env.clock.now() // SECOND - age
    body = {"vin": PARKED, "command": command} | ({} if code is None else {"code": code})
    fields = zip(names, more.values(), strict=True)
    message = drafted(urlsplit(client.url).netloc, client.token, json.dumps(body).encode(), *fields)
    return message.signed(client.sign_secret, parameters(client.client_id, created=created), COVERED + names).wire()


async def sent(env: ServerEnv, wire: bytes) -> tuple[int, dict[str, Any]]:
    """HTTP code and body of the answer on a connection of its own."""
    host = urlsplit(env.first.url)
    reader, writer = await asyncio.open_connection(host.hostname, host.port)
    writer.write(wire)
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split(b" ")[1]), json.loads(body)


async def test_a_replay_at_once_is_refused_and_does_nothing(env: ServerEnv) -> None:
    wire = captured(env)
    code, record = await sent(env, wire)
    assert (code, record["status"]) == (200, "Pending")
    assert await sent(env, wire) == INVALID
    assert (await env.first.final(record["id"]))["status"] == "Success"
    assert await sent(env, wire) == INVALID
    assert await env.actuations(PARKED) == ["lock_door"]
    assert (await sent(env, captured(env)))[0] == 200


async def test_exactly_one_of_many_concurrent_replays_is_taken(env: ServerEnv) -> None:
    wire = captured(env)
    answers = await asyncio.gather(*(sent(env, wire) for _ in range(8)))
    assert sorted(code for code, _ in answers) == [200] + [403] * 7
    (row,) = env.store.commands_of(PARKED)
    assert "coalesced" not in env.store.timeline(row["id"])


async def test_a_replay_with_an_idempotency_key_is_refused(env: ServerEnv) -> None:
    wire = captured(env, idempotency_key="k-1")
    assert (await sent(env, wire))[0] == 200
    assert await sent(env, wire) == INVALID
    assert (await sent(env, captured(env, idempotency_key="k-1")))[0] == 200
    assert len(env.store.commands_of(PARKED)) == 1


async def test_a_replay_after_a_restart_is_refused(env: ServerEnv) -> None:
    wire = captured(env)
    _, record = await sent(env, wire)
    await env.first.final(record["id"])
    await env.node.stop()
    port = urlsplit(env.first.url).port
    assert port is not None
    server = msgspec.structs.replace(env.settings.server, port=port)
    node = Node(msgspec.structs.replace(env.settings, server=server), clock=env.clock)
    await node.start()
    try:
        assert await sent(env, wire) == INVALID
        assert (await sent(env, captured(env, "unlock_door")))[0] == 200
    finally:
        await node.stop()


async def test_a_request_that_was_held_back_for_more_than_a_minute_is_refused(env: ServerEnv) -> None:
    wire = captured(env)
    env.advance(61)
    assert await sent(env, wire) == INVALID
    assert env.store.commands_of(PARKED) == []


@pytest.mark.parametrize(("age", "accepted"), [(55, True), (-55, True), (62, False), (-62, False)])
async def test_a_clock_may_be_off_by_a_minute(shared: ServerEnv, age: int, accepted: bool) -> None:
    answer = await sent(shared, captured(shared, "location", age=age))
    assert answer[0] == 200 if accepted else answer == INVALID


async def test_a_replayed_confirmation_neither_redeems_nor_issues(env: ServerEnv) -> None:
    first = captured(env, "disable_ignition")
    _, confirmation = await sent(env, first)
    second = captured(env, "disable_ignition", code=confirmation["code"])
    code, record = await sent(env, second)
    assert (code, record["id"]) == (200, confirmation["id"])
    assert await sent(env, second) == INVALID
    assert await sent(env, first) == INVALID
    assert len(env.store.commands_of(PARKED)) == 1
    refused = env.store.entries("ignition.refused")
    assert [(entry["body"]["http_status"], entry["body"]["detail"]) for entry in refused] == [
        (403, INVALID[1]["detail"])
    ] * 2


async def test_replays_are_limited_as_failed_signatures_and_right_requests_are_served(tmp_path: Path) -> None:
    limits = LimitSettings(application_rate=0, failed_attempts_per_minute=3)
    async with whole(tmp_path, limits=limits) as env:
        wire = captured(env, "disable_ignition")
        heard = [(await sent(env, wire))[0] for _ in range(7)]
        assert heard == [200, 403, 403, 403, 429, 429, 429]
        assert len(env.store.entries("ignition.refused")) == 3
        assert (await sent(env, captured(env)))[0] == 200


async def test_an_application_that_must_sign_with_version_2(env: ServerEnv) -> None:
    async def required(signing: str) -> None:
        wanted = {"company": "first", "application": "app", "signing": signing}
        assert (await env.node.administer("application set", wanted))["signing"] == signing
        env.clock.suspend(1.0)

    assert (await env.first.post(PARKED, "location")).code == 200
    await required("v2")
    refused = await env.first.post(PARKED, "location")
    assert (refused.code, refused.body) == INVALID
    assert (await sent(env, captured(env, "location")))[0] == 200
    assert (await env.second.post("9KT0THER000000025", "location")).code == 200
    await required("any")
    assert (await env.first.post(PARKED, "location")).code == 200
    changes = [entry["body"].get("signing") for entry in env.store.entries("application.changed")]
    assert changes == ["v2", "any"]


@pytest.fixture(scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ServerEnv]:
    async with whole(tmp_path_factory.mktemp("shared")) as running:
        yield running
