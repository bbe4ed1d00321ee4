"""The record of an immobilisation: possible, confirmed, closed, and what is refused while it is open."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from keyturn.config.settings import CommandSettings
from tests.support.oem import DROP, answer
from tests.support.refusals import IMMOBILISED, refused
from tests.support.server_env import ServerEnv

from .scripted import VIN, scripted

pytestmark = pytest.mark.anyio

REACHABLE = {"reachable": True, "last_contact": None, "signals": dict[str, object]()}
"""A state read that says no more than that."""


async def immobilisation_is(s: ServerEnv, vin: str, state: str) -> dict[str, Any]:
    """The vehicle's newest immobilisation record, once it has this state."""
    await s.eventually(lambda: [record["state"] for record in s.store.immobilisations(vin)][-1:] == [state])
    return s.store.immobilisations(vin)[-1]


async def test_an_immobilisation_is_possible_from_sending_and_confirmed_by_success(shared: ServerEnv, vin: str) -> None:
    """While it is open no start is let through: bare, and before anything is sent."""
    await shared.hold(vin)
    disabling = (await shared.first.confirmed(vin, "disable_ignition")).body["id"]
    record = await immobilisation_is(shared, vin, "possible")
    assert record["opened_by"] == disabling
    assert refused(await shared.first.post(vin, "start")) == IMMOBILISED
    await shared.let_go(vin)
    confirmed = await immobilisation_is(shared, vin, "confirmed")
    assert (confirmed["id"], confirmed["opened_by"]) == (record["id"], disabling)
    assert refused(await shared.first.post(vin, "start")) == IMMOBILISED
    assert await shared.actuations(vin) == ["disable_ignition"]


async def test_an_immobilisation_ends_with_an_executed_enable(shared: ServerEnv, vin: str) -> None:
    await shared.done(vin, "disable_ignition")
    enabling = (await shared.done(vin, "enable_ignition"))["id"]
    record = await immobilisation_is(shared, vin, "closed")
    assert record["closed_by"] == enabling
    assert [entry["actor"] for entry in shared.store.entries("immobilisation.closed")][-1] == "engine"
    await shared.done(vin, "start")


async def test_an_immobilisation_stays_open_until_the_enable_is_executed(shared: ServerEnv, vin: str) -> None:
    await shared.done(vin, "disable_ignition")
    await shared.hold(vin)
    await shared.first.confirmed(vin, "enable_ignition")
    assert refused(await shared.first.post(vin, "start")) == IMMOBILISED
    await shared.let_go(vin)
    await immobilisation_is(shared, vin, "closed")


@pytest.mark.parametrize("ending", [answer(500, {}), answer(409, {"error": {"code": "not_off"}})])
async def test_an_immobilisation_ends_when_the_disable_is_proven_not_done(tmp_path: Path, ending: Any) -> None:
    """Not taken, or refused by the OEM. Its POST says so, and a start is let through."""
    wait = CommandSettings(initiate_wait=1)
    async with scripted(tmp_path, ending, commands=wait) as (s, oem):
        commanded = oem.script
        oem.script = lambda seen: answer(200, REACHABLE) if seen.target.endswith("/state") else commanded(seen)
        disabling = await s.first.confirmed(VIN, "disable_ignition")
        assert disabling.code in (409, 502)
        record = await immobilisation_is(s, VIN, "closed")
        assert record["closed_by"] == disabling.body["id"]
        assert (await s.first.post(VIN, "start")).body["detail"] != IMMOBILISED[1]


async def test_an_unclear_disable_leaves_the_immobilisation_possible(tmp_path: Path) -> None:
    """Also after its deadline, when nobody expects an answer any more."""
    async with scripted(tmp_path, DROP) as (s, oem):
        commanded = oem.script
        oem.script = lambda seen: answer(200, REACHABLE) if seen.target.endswith("/state") else commanded(seen)
        disabling = await s.first.confirmed(VIN, "disable_ignition")
        s.advance(601)
        assert (await s.first.final(disabling.body["id"]))["status"] == "Error"
        assert (await immobilisation_is(s, VIN, "possible"))["opened_by"] == disabling.body["id"]
        assert refused(await s.first.post(VIN, "start")) == IMMOBILISED


async def test_an_immobilisation_ends_with_a_newer_report_that_the_ignition_is_enabled(
    shared: ServerEnv, vin: str
) -> None:
    """Somebody enabled it at the vehicle. What was reported before the disable says nothing."""
    await shared.done(vin, "disable_ignition")
    await immobilisation_is(shared, vin, "confirmed")
    await shared.set_vehicle(vin, signals={"ignition_disabled": False})
    reading = asyncio.create_task(shared.first.post(vin, "enable_ignition"))
    record = await immobilisation_is(shared, vin, "closed")
    assert record["closed_by"] == "report"
    assert (await reading).body["status"] == "Confirmation"
    await shared.done(vin, "start")


async def test_a_vehicle_has_one_open_immobilisation(shared: ServerEnv, vin: str) -> None:
    first = (await shared.done(vin, "disable_ignition"))["id"]
    second = (await shared.done(vin, "disable_ignition"))["id"]
    assert first != second
    assert [record["state"] for record in shared.store.immobilisations(vin)] == ["confirmed"]
    await shared.done(vin, "enable_ignition")
    await shared.done(vin, "disable_ignition")
    await immobilisation_is(shared, vin, "confirmed")
    assert [record["state"] for record in shared.store.immobilisations(vin)] == ["closed", "confirmed"]
