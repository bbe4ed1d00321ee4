"""Kill switches, limits and taking back, from outside: the command line against a server that runs."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest

from keyturn.config.settings import CommandSettings
from keyturn_simulator import fleet_vins
from tests.support.refusals import refused
from tests.support.server_env import ServerEnv, server_env

from .shell import keyturn

pytestmark = pytest.mark.anyio

VEHICLES = 30
STOPPED = (403, "Command blocked by policy: stopped by a kill switch.")
LIMIT_REACHED = (403, "Command blocked by policy: limit of disables reached.")


@pytest.fixture(scope="module")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ServerEnv]:
    brief = CommandSettings(initiate_wait=0.2)
    async with server_env(tmp_path_factory.mktemp("site"), vehicles=VEHICLES, commands=brief) as running:
        yield running


@pytest.fixture(scope="module")
def garage() -> Iterator[str]:
    fleet = [each for each in fleet_vins(VEHICLES) if each.ordinary and each.powertrain == "combustion"]
    return iter([each.vin for each in fleet])


@pytest.fixture
def vin(garage: Iterator[str]) -> str:
    """A vehicle that no other test touches."""
    return next(garage)


@pytest.fixture
def another(garage: Iterator[str]) -> str:
    return next(garage)


async def queued(site: ServerEnv, vin: str, command: str) -> str:
    """The id of a command that waits behind an alert which the vehicle does not get until it is let go."""
    await site.held(vin, "alert")
    waiting = await site.first.send(vin, command)
    assert (waiting.code, waiting.body["status"]) == (200, "Pending"), waiting
    await site.has_state(waiting.body["id"], "Queued")
    return str(waiting.body["id"])


@asynccontextmanager
async def thrown(site: ServerEnv, reach: str, *place: str) -> AsyncIterator[None]:
    await keyturn(site, "switch", "throw", reach, "a drill", *place)
    try:
        yield
    finally:
        await keyturn(site, "switch", "release", reach, *place)


PLACES = {
    "installation": (),
    "company": ("--company", "first"),
    "account": ("--account", "simulator", "--company", "first"),
}


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
async def test_a_switch_stops_at_once_what_is_asked_for_and_what_is_queued(
    site: ServerEnv, vin: str, another: str, place: tuple[str, ...]
) -> None:
    command_id = await queued(site, vin, "disable_ignition")
    async with thrown(site, "disable", *place):
        assert refused(await site.first.post(another, "disable_ignition")) == STOPPED
        await site.let_go(vin)
        assert (await site.first.final(command_id))["detail"] == STOPPED[1]
        assert await site.actuations(vin) == ["alert"]
        await site.done(another, "start")
        (switch,) = (await keyturn(site, "switch", "list"))["switches"]
        assert (switch["reach"], switch["reason"], switch["by"]) == ("disable", "a drill", "operator:local")
        again = await keyturn(site, "switch", "throw", "disable", "again", *place, code=1)
        assert again["code"] == "already_thrown"
    assert (await site.first.post(another, "disable_ignition")).body["status"] == "Confirmation"
    assert (await keyturn(site, "switch", "release", "disable", *place, code=1))["code"] == "not_thrown"


@pytest.mark.parametrize("place", [("--company", "second"), ("--account", "simulator", "--company", "second")])
async def test_a_switch_over_another_company_stops_nothing_here(
    site: ServerEnv, vin: str, place: tuple[str, ...]
) -> None:
    async with thrown(site, "actuating", *place):
        assert refused(await site.second.post("9KT0THER000000025", "alert")) == STOPPED
        await site.done(vin, "alert")


async def test_what_restores_is_stopped_by_the_switch_that_names_it_alone(
    site: ServerEnv, vin: str, another: str
) -> None:
    await site.done(vin, "disable_ignition")
    async with thrown(site, "actuating"):
        for command in ("alert", "unlock_door", "start", "disable_ignition"):
            assert refused(await site.first.post(another, command)) == STOPPED
        await site.done(another, "location")
        code = (await site.first.post(vin, "enable_ignition")).body["code"]

        async with thrown(site, "restoring"):
            assert refused(await site.first.post(vin, "enable_ignition", code)) == STOPPED
            assert refused(await site.first.post(another, "cancel_start")) == STOPPED

        enabled = await site.first.post(vin, "enable_ignition", code)
        assert (await site.first.final(enabled.body["id"]))["status"] == "Success"


async def test_a_limit_holds_its_actor_until_it_is_lifted(site: ServerEnv, garage: Iterator[str]) -> None:
    hasty, patient = [await site.application("first", name) for name in ("hasty", "patient")]
    await keyturn(site, "policy", "set", "first", "--disables-per-actor-hour", "1")
    assert (await hasty.confirmed(next(garage), "disable_ignition")).body["status"] == "Pending"

    assert refused(await hasty.confirmed(next(garage), "disable_ignition")) == LIMIT_REACHED
    assert refused(await hasty.post(next(garage), "disable_ignition")) == LIMIT_REACHED
    assert (await patient.confirmed(next(garage), "disable_ignition")).body["status"] == "Pending"
    (stop,) = (await keyturn(site, "limit", "list"))["stops"]
    assert (stop["company"], stop["application"], stop["cause"]) == ("first", "hasty", "disables_per_actor_hour")

    await keyturn(site, "policy", "set", "first", "--disables-per-actor-hour", "0")
    assert refused(await hasty.post(next(garage), "disable_ignition")) == LIMIT_REACHED
    lift = ("limit", "lift", "first", "--application", "hasty")
    await keyturn(site, *lift)
    assert (await hasty.confirmed(next(garage), "disable_ignition")).body["status"] == "Pending"
    assert (await keyturn(site, *lift, code=1))["code"] == "not_stopped"
    assert (await keyturn(site, "limit", "list")) == {"stops": []}


async def test_unsent_command_is_cancelled_by_an_operator(site: ServerEnv, vin: str) -> None:
    command_id = await queued(site, vin, "disable_ignition")

    taken = await keyturn(site, "command", "cancel", command_id)

    assert (taken["state"], taken["cause"]) == ("Cancelled", "caller")
    record = (await site.first.get(command_id)).body
    assert (record["status"], record["detail"]) == ("Error", "Cancelled before it was sent.")
    await site.let_go(vin)
    sent = await site.done(vin, "disable_ignition")
    assert await site.actuations(vin) == ["alert", "disable_ignition"]
    for gone in (command_id, sent["id"]):
        assert (await keyturn(site, "command", "cancel", gone, code=1))["code"] == "not_waiting"
    assert (await keyturn(site, "command", "cancel", "0" * 36, code=1))["code"] == "not_found"
