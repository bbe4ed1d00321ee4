import pytest

from .oem import Oem

pytestmark = pytest.mark.anyio
PARKED = "9KTPARKED00000001"


@pytest.mark.parametrize(
    ("vin", "command", "code"),
    [
        ("9KTM0V1NG00000002", "start", "vehicle_moving"),
        ("9KTM0V1NG00000002", "lock_door", "vehicle_moving"),
        ("9KTM0V1NG00000002", "unlock_door", "vehicle_moving"),
        ("9KTM0V1NG00000002", "disable_ignition", "not_off"),
        ("9KTM0V1NG00000002", "enable_ignition", "not_off"),
        ("9KTGEARD000000007", "start", "not_off"),
        ("9KTGEARD000000007", "disable_ignition", "not_off"),
        ("9KTH00D0000000003", "start", "hood_open"),
        ("9KTFUEL0000000004", "start", "fuel_reserve"),
        ("9KTBATT0000000005", "start", "battery_low"),
        ("9KTHAZARD00000006", "start", "hazard_on"),
        ("9KTM1L00000000008", "start", "mil_on"),
        ("9KTSTARTS00000009", "start", "start_limit"),
        ("9KTD1SABL00000010", "start", "immobilised"),
        (PARKED, "enable_ignition", "not_disabled"),
        (PARKED, "cancel_alert", "alert_not_active"),
        (PARKED, "cancel_start", "not_started_remotely"),
    ],
)
async def test_the_vehicle_refuses_and_nothing_happens(oem: Oem, vin: str, command: str, code: str) -> None:
    before = await oem.values(vin)
    operation = await oem.done(vin, command)
    assert (operation["status"], operation["error"]["code"]) == ("failure", code)
    assert operation["error"]["message"]
    assert "data" not in operation
    assert await oem.values(vin) == before
    assert await oem.ledger() == []


@pytest.mark.parametrize(
    ("signals", "code"),
    [
        ({"transmission_gear": "neutral"}, "not_in_park"),
        ({"lv_battery_voltage": 11.79}, "battery_low"),
        ({"lv_battery_voltage": None}, "battery_low"),
        ({"fuel_level": 10}, "fuel_reserve"),
        ({"system_power_mode": "accessory", "ignition_status": "accessory"}, "not_off"),
        ({"speed": 0.5}, "vehicle_moving"),
    ],
)
async def test_a_vehicle_set_from_outside_refuses_a_start(oem: Oem, signals: dict[str, object], code: str) -> None:
    await oem.control(f"vehicles/{PARKED}", signals=signals)
    assert (await oem.done(PARKED, "start"))["error"]["code"] == code


@pytest.mark.parametrize("signals", [{"lv_battery_voltage": 11.8}, {"fuel_level": 10.1}, {"fuel_level": None}])
async def test_a_start_just_inside_the_limits_succeeds(oem: Oem, signals: dict[str, object]) -> None:
    await oem.control(f"vehicles/{PARKED}", signals=signals)
    assert (await oem.done(PARKED, "start"))["status"] == "success"


async def test_a_running_vehicle_is_not_started_again(oem: Oem) -> None:
    await oem.done(PARKED, "start", "start-1")
    assert (await oem.done(PARKED, "start", "start-2"))["error"]["code"] == "not_off"
    assert await oem.actuated(PARKED) == ["start"]


@pytest.mark.parametrize(
    "vin", ["9KTH00D0000000003", "9KTFUEL0000000004", "9KTBATT0000000005", "9KTHAZARD00000006", "9KTM1L00000000008"]
)
async def test_what_forbids_a_start_does_not_forbid_disabling(oem: Oem, vin: str) -> None:
    assert (await oem.done(vin, "disable_ignition"))["status"] == "success"
    assert await oem.actuated(vin) == ["disable_ignition"]


async def test_out_of_coverage_disabling_is_refused_at_once_and_the_rest_waits(oem: Oem) -> None:
    await oem.control(f"vehicles/{PARKED}", reachable=False)
    assert (await oem.done(PARKED, "disable_ignition", "no"))["error"]["code"] == "unreachable"
    waiting = await oem.done(PARKED, "lock_door", "later")
    await oem.advance(3600)
    assert (await oem.operation(waiting["url"]))["status"] == "in_progress"
    await oem.control(f"vehicles/{PARKED}", reachable=True)
    assert (await oem.operation(waiting["url"]))["status"] == "success"
    assert await oem.actuated(PARKED) == ["lock_door"]
