import pytest

from .oem import Oem

pytestmark = pytest.mark.anyio
PARKED = "9KTRLYPRK00000026"
MOVING = "9KTRLYMVG00000027"
STALE = "9KTRLYSTL00000028"
COMMANDS = ["lock_door", "unlock_door", "disable_ignition", "enable_ignition", "start", "cancel_start"]


@pytest.mark.parametrize("vin", [PARKED, MOVING, STALE])
async def test_the_relay_acts_whatever_the_state(oem: Oem, vin: str) -> None:
    relay = oem.relay()
    for command in COMMANDS:
        operation = await relay.done(vin, command, command)
        assert (operation["status"], operation["url"].startswith(f"{oem.base_url}/relay/")) == ("success", True)
    assert await oem.actuated(vin) == COMMANDS


async def test_the_relay_never_stops_a_running_engine(oem: Oem) -> None:
    relay = oem.relay()
    await relay.done(MOVING, "disable_ignition", "1")
    await relay.done(MOVING, "cancel_start", "2")
    values = await relay.values(MOVING)
    assert (values["ignition_disabled"], values["system_power_mode"], values["speed"]) == (True, "on", 50.0)


async def test_behind_the_relay_a_disabled_engine_does_not_start(oem: Oem) -> None:
    relay = oem.relay()
    await relay.done(PARKED, "disable_ignition", "1")
    assert (await relay.done(PARKED, "start", "2"))["error"]["code"] == "immobilised"
    assert await oem.actuated(PARKED) == ["disable_ignition"]


async def test_disabling_twice_by_relay_acts_twice(oem: Oem) -> None:
    relay = oem.relay()
    for _ in range(2):
        await relay.done(PARKED, "disable_ignition")
    assert await oem.actuated(PARKED) == ["disable_ignition"] * 2


async def test_the_relay_reports_the_location(oem: Oem) -> None:
    assert set((await oem.relay().done(PARKED, "location"))["data"]) == {"latitude", "longitude"}


@pytest.mark.parametrize("command", ["diagnostics", "alert", "cancel_alert"])
async def test_the_relay_does_not_offer_what_it_cannot_do(oem: Oem, command: str) -> None:
    status, body = await oem.relay().send(PARKED, command)
    assert (status, body["error"]["code"]) == (404, "command_not_found")


async def test_each_vehicle_is_behind_one_api_only(oem: Oem) -> None:
    relay = oem.relay()
    assert (await relay.call("GET", f"{relay.api_url}/vehicles/9KTPARKED00000001/state"))[0] == 404
    assert (await oem.call("GET", f"{oem.api_url}/vehicles/{PARKED}/state"))[0] == 404
    operation = await relay.done(PARKED, "lock_door")
    assert (await oem.call("GET", f"{oem.api_url}/operations/{operation['id']}"))[0] == 404
    assert await oem.look_up() == []
    assert len(await relay.look_up()) == 1


async def test_relay_evidence_is_fresh_or_an_hour_old(oem: Oem) -> None:
    relay = oem.relay()
    parked, stale = await relay.state(PARKED), await relay.state(STALE)
    assert (parked["reachable"], stale["reachable"]) == (True, None)
    assert parked["last_contact"] > stale["last_contact"]
    assert parked["signals"]["transmission_gear"]["value"] == "park"
