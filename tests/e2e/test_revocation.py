"""Rights that are taken away: tokens that end, and commands that wait and are not sent any more."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from keyturn.config.settings import CommandSettings
from tests.support.clients import Answer
from tests.support.refusals import BEARER_INVALID, COMMAND_UNKNOWN, refused
from tests.support.server_env import ALL_COMMANDS, ServerEnv, server_env

pytestmark = pytest.mark.anyio

PARKED, OTHER = "9KTPARKED00000001", "9KT0THER000000025"
PATIENT = CommandSettings(initiate_wait=60)


@pytest.mark.parametrize(
    ("operation", "arguments"),
    [
        ("application set", {"application": "app", "company": "first", "active": False}),
        ("company set", {"company": "first", "active": False}),
        ("application rotate-secret", {"application": "app", "company": "first"}),
    ],
)
async def test_a_token_ends_within_a_second(tmp_path: Path, operation: str, arguments: dict[str, Any]) -> None:
    """For every route, and nobody else's token with it."""
    async with server_env(tmp_path) as s:
        command_id = (await s.first.post(PARKED, "location")).body["id"]
        await s.node.administer(operation, arguments)
        s.advance(1.0)
        assert refused(await s.first.post(PARKED, "location")) == BEARER_INVALID
        assert refused(await s.first.get(command_id)) == BEARER_INVALID
        assert (await s.second.post(OTHER, "location")).code == 200
        form = {"client_id": s.first.client_id, "client_secret": s.first.client_secret}
        async with s.http.post(f"{s.url}/token", data=form) as response:
            assert (response.status, await response.json()) == (401, {"detail": "Invalid credentials."})


async def test_a_rotated_secret_opens_the_door_again(tmp_path: Path) -> None:
    async with server_env(tmp_path) as s:
        named = {"application": "app", "company": "first"}
        s.first.client_secret = (await s.node.administer("application rotate-secret", named))["client_secret"]
        await s.first.log_in()
        assert (await s.first.post(PARKED, "location")).code == 200


async def test_two_sign_secrets_are_good_during_a_rotation(tmp_path: Path) -> None:
    async with server_env(tmp_path) as s:
        named = {"application": "app", "company": "first"}
        older = s.first.sign_secret
        newer = (await s.node.administer("application rotate-secret", {**named, "sign": True}))["sign_secret"]
        s.advance(1.0)
        for secret in (older, newer):
            s.first.sign_secret = secret
            assert (await s.first.post(PARKED, "location")).code == 200
        await s.node.administer("application rotate-secret", {**named, "retire": True})
        s.advance(1.0)
        for secret, code in ((older, 403), (newer, 200)):
            s.first.sign_secret = secret
            assert (await s.first.post(PARKED, "location")).code == code


@pytest.fixture
async def patient(tmp_path: Path) -> AsyncIterator[ServerEnv]:
    async with server_env(tmp_path, commands=PATIENT) as running:
        yield running


async def queued(s: ServerEnv, command: str) -> "asyncio.Task[Answer]":
    """A POST that waits for its command, which waits behind an alert that the vehicle does not get."""
    code = (await s.first.post(PARKED, command)).body["code"] if command.endswith("_ignition") else None
    await s.hold(PARKED)
    await s.first.post(PARKED, "alert")
    waiting = asyncio.create_task(s.first.post(PARKED, command, code))
    await s.eventually(
        lambda: any(row["name"] == command and row["state"] == "Queued" for row in s.store.commands_of(PARKED))
    )
    return waiting


WITHOUT_LOCK = [command for command in ALL_COMMANDS if command not in ("lock_door", "disable_ignition")]
NO_LONGER = "Command blocked by policy: no longer permitted."
NO_CONSENT = "Command blocked by policy: no consent of the end user on record."
REVOKED: list[tuple[str, str, dict[str, Any], str]] = [
    ("lock_door", "application set", {"application": "app", "company": "first", "grants": WITHOUT_LOCK}, NO_LONGER),
    ("lock_door", "application set", {"application": "app", "company": "first", "active": False}, NO_LONGER),
    ("lock_door", "company set", {"company": "first", "active": False}, NO_LONGER),
    ("lock_door", "vehicle set", {"vehicle": PARKED, "plan": "location"}, NO_LONGER),
    ("lock_door", "vehicle set", {"vehicle": PARKED, "capabilities": ["location"]}, NO_LONGER),
    ("lock_door", "vehicle set", {"vehicle": PARKED, "active": False}, NO_LONGER),
    ("disable_ignition", "vehicle set", {"vehicle": PARKED, "ownership": "third_party"}, NO_LONGER),
    ("disable_ignition", "vehicle set", {"vehicle": PARKED, "consent": None}, NO_CONSENT),
]


@pytest.mark.parametrize(("command", "operation", "arguments", "detail"), REVOKED)
async def test_a_right_that_is_revoked_while_the_command_waits_stops_it(
    patient: ServerEnv, command: str, operation: str, arguments: dict[str, Any], detail: str
) -> None:
    waiting = await queued(patient, command)
    await patient.node.administer(operation, arguments)
    await patient.let_go(PARKED)
    answer = await waiting
    assert list(answer.body) == ["id", "vin", "command", "status", "created", "detail"]
    assert (answer.code, answer.body["status"], answer.body["detail"]) == (403, "Error", detail)
    row = patient.store.command(answer.body["id"])
    assert (row["state"], row["sent_at"], row["cause"]) == ("Refused", None, "policy")
    assert await patient.actuations(PARKED) == ["alert"]


async def test_a_disabled_account_reaches_no_vehicle(tmp_path: Path) -> None:
    async with server_env(tmp_path) as s:
        await s.node.administer("account set", {"account": "simulator", "company": "first", "active": False})
        for command in ALL_COMMANDS:
            assert refused(await s.first.post(PARKED, command)) == COMMAND_UNKNOWN


@pytest.mark.parametrize("command", ["cancel_start", "enable_ignition"])
async def test_nothing_that_is_revoked_stops_what_restores(patient: ServerEnv, command: str) -> None:
    opposite = {"cancel_start": "start", "enable_ignition": "disable_ignition"}[command]
    before = await patient.first.send(PARKED, opposite)
    await patient.first.final(before.body["id"])
    waiting = await queued(patient, command)
    await patient.node.administer("application set", {"application": "app", "company": "first", "grants": ["location"]})
    await patient.let_go(PARKED)
    assert (await waiting).body["status"] == "Pending"

    async def it_was_done() -> bool:
        return (await patient.actuations(PARKED))[-1] == command

    await patient.eventually(it_was_done)
