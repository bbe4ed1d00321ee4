"""The dry run knows what stands before and behind the rules: the caller, its signature, the account, the clock."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from keyturn.clock import after
from keyturn.config.settings import CommandSettings
from tests.e2e.scripted import VIN as SCRIPTED
from tests.e2e.scripted import scripted
from tests.support.oem import answer
from tests.support.refusals import not_met
from tests.support.server_env import ServerEnv, server_env

from .test_readiness import COMMAND_TEXT, FIRST, PARKED, ready, sent

pytestmark = pytest.mark.anyio

RELAYED = "9KTRLYPRK00000026"
BEARER, NO_SECRET = "Bearer token invalid or expired.", "Sign-secret not found."


@asynccontextmanager
async def fresh(folder: Path) -> AsyncIterator[ServerEnv]:
    async with server_env(folder, vehicles=0, commands=CommandSettings(initiate_wait=1.0)) as running:
        yield running


@pytest.mark.parametrize("noun", ["application", "company"])
async def test_a_caller_that_was_disabled_is_told_first(tmp_path: Path, noun: str) -> None:
    async with fresh(tmp_path) as s:
        assert (await ready(s, PARKED, "start"))["ready"]
        named = {"application": "app", **FIRST} if noun == "application" else FIRST
        await s.node.administer(f"{noun} set", {**named, "active": False})
        s.advance(2)
        said = await ready(s, PARKED, "start")
        assert (said["ready"], said["reasons"], said["application_active"]) == (False, [BEARER], False)
        assert (await s.first.post(PARKED, "start")).body["detail"] == BEARER


async def test_an_application_without_a_sign_secret_cannot_ask(tmp_path: Path) -> None:
    async with fresh(tmp_path) as s:
        await s.node.store.write(lambda tx: tx.run("DELETE FROM sign_secret"))
        s.advance(2)
        said = await ready(s, PARKED, "start")
        assert (said["ready"], said["reasons"], said["sign_secret"]) == (False, [NO_SECRET], False)
        assert (await s.first.post(PARKED, "start")).body["detail"] == NO_SECRET


async def test_an_account_that_was_disabled_is_a_reason(tmp_path: Path) -> None:
    async with fresh(tmp_path) as s:
        await s.node.administer("account set", {"account": "simulator", **FIRST, "active": False})
        said = await ready(s, PARKED, "start")
        assert (said["ready"], said["reasons"]) == (False, [COMMAND_TEXT])
        assert await sent(s, PARKED, "start") == COMMAND_TEXT


@pytest.mark.parametrize("credentials", [{"tokn": "very-secret"}, {"token": "very-secret\n"}])
async def test_credentials_that_cannot_work_are_a_reason(tmp_path: Path, credentials: dict[str, str]) -> None:
    """They were stored before it was looked at what a definition can use, or the definition has changed."""
    async with scripted(tmp_path, answer(200, {})) as (s, oem):
        keyring = s.node.administration._keyring
        (account,) = s.store.rows(f"SELECT account_id FROM vehicle WHERE vin = '{SCRIPTED}'")
        id_ = account["account_id"]
        sealed = keyring.seal(json.dumps(credentials).encode(), id_)
        await s.node.store.write(
            lambda tx: tx.run("UPDATE oem_account SET sealed = :sealed WHERE id = :id", sealed=sealed, id=id_)
        )
        said = await ready(s, SCRIPTED, "lock_door")
        assert not said["ready"]
        assert "The OEM account's credentials cannot be used: The credential 'token'" in said["reasons"][-1]
        assert "very-secret" not in json.dumps(said)
        assert (await s.first.post(SCRIPTED, "lock_door")).body["detail"] == "Failed to send command to the OEM."
        assert oem.seen == []


async def test_a_wall_clock_that_was_set_back_holds_what_acts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with fresh(tmp_path) as s:
        right = s.clock.now
        monkeypatch.setattr(s.clock, "now", lambda: after(right(), -90))
        await s.eventually(lambda: s.node.runtime.engine.clock_fault)
        said = await ready(s, PARKED, "start")
        assert said["reasons"] == ["The wall clock was set back; actuating commands wait."]
        for command in ("location", "cancel_alert"):
            assert (await ready(s, PARKED, command))["reasons"] == []
        answered = await s.first.post(PARKED, "start")
        assert s.store.command(answered.body["id"])["state"] == "Queued"
        assert await s.actuations(PARKED) == []


async def parked_just_now(s: ServerEnv) -> None:
    """And Keyturn knows it."""
    await s.set_vehicle(RELAYED, signals={"system_power_mode": "on", "ignition_status": "ignition on"})
    await s.set_vehicle(RELAYED, signals={"system_power_mode": "off", "ignition_status": "ignition off"})
    await s.first.post(RELAYED, "enable_ignition")
    await s.eventually(lambda: s.store.known(RELAYED, "speed") == 0.0)


async def test_a_vehicle_that_is_off_for_too_short_a_time_is_not_ready_and_the_record_says_how_long(
    tmp_path: Path,
) -> None:
    """Behind an OEM that enforces nothing; a reading before the sending could not change it."""
    async with fresh(tmp_path) as s:
        await parked_just_now(s)
        said = await ready(s, RELAYED, "disable_ignition")
        assert (said["ready"], said["reasons"]) == (False, [not_met(3)])
        assert "off for " in said["preconditions"][0]["why"]
        assert ", 60 s needed" in said["preconditions"][0]["why"]
        assert await sent(s, RELAYED, "disable_ignition") == not_met(3)
        (row,) = s.store.rows("SELECT verdicts FROM command WHERE name = 'disable_ignition' AND state = 'Refused'")
        kept = {finding["number"]: finding for finding in json.loads(row["verdicts"])}
        assert ", 60 s needed" in kept[3]["why"]
