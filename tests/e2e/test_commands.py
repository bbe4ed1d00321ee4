"""The ten commands: what each does, returns and is verified by, and which preconditions refuse it."""

import pytest

from tests.support.clients import Answer
from tests.support.refusals import not_met
from tests.support.server_env import ALL_COMMANDS, ServerEnv

pytestmark = pytest.mark.anyio

PARKED = "9KTPARKED00000001"
TYRES = [f"{side}_{end}_tire_pressure" for end in ("front", "rear") for side in ("left", "right")]
DATA_POINTS = {
    "date_time", "fuel_amount", "fuel_capacity", "fuel_level", "fuel_range", "ideal_front_tire_pressure",
    "ideal_rear_tire_pressure", *TYRES, *(f"{tyre}_status" for tyre in TYRES), "odometer", "oil_remaining_life",
    "oil_remaining_life_status", "seat_belt_status", "system_power_mode", "total_fuel_economy", "total_fuel_used",
}  # fmt: skip
ENDS: dict[str, tuple[tuple[str, ...], str, tuple[str, object] | None]] = {
    "location": ((), "Executed", None),
    "diagnostics": ((), "Executed", None),
    "lock_door": (("unlock_door",), "Verified", ("doors_locked", True)),
    "unlock_door": ((), "Verified", ("doors_locked", False)),
    "alert": ((), "Executed", ("hazard_lights", "on")),
    "cancel_alert": (("alert",), "Executed", ("hazard_lights", "off")),
    "disable_ignition": ((), "Verified", ("ignition_disabled", True)),
    "enable_ignition": (("disable_ignition",), "Verified", ("ignition_disabled", False)),
    "start": ((), "Verified", ("remote_start_active", True)),
    "cancel_start": (("start",), "Verified", ("remote_start_active", False)),
}
"""What goes before it, the native state that it ends in, and what is true of the vehicle then."""


def conflict(answer: Answer) -> str:
    """The detail of a 409 in record form."""
    assert (answer.code, answer.body["status"]) == (409, "Error"), answer
    return str(answer.body["detail"])


def test_the_ten_commands_are_all_here() -> None:
    assert sorted(ENDS) == sorted(ALL_COMMANDS)


@pytest.mark.parametrize("command", ENDS)
async def test_a_command_does_what_its_name_says(shared: ServerEnv, vin: str, command: str) -> None:
    before, state, truth = ENDS[command]
    for needed in before:
        await shared.done(vin, needed)
    record = await shared.done(vin, command)
    await shared.has_state(record["id"], state)
    assert truth is None or shared.signal(vin, truth[0]) == truth[1]
    acted = [] if command in ("location", "diagnostics") else [command]
    assert await shared.actuations(vin) == [*before, *acted]
    wanted = {"location": {"date_time", "latitude", "longitude"}, "diagnostics": DATA_POINTS}
    assert set(record["detail"]) == wanted.get(command, {"date_time"})


async def test_location_is_numbers_of_seven_decimals(shared: ServerEnv) -> None:
    detail = (await shared.done(PARKED, "location"))["detail"]
    for axis in ("latitude", "longitude"):
        assert detail[axis] == round(detail[axis], 7) == shared.signal(PARKED, axis)


async def test_date_time_is_when_the_vehicle_did_it(shared: ServerEnv, vin: str) -> None:
    await shared.hold(vin)
    posted = (await shared.first.post(vin, "lock_door")).body
    shared.advance(30)
    await shared.let_go(vin)
    at = (await shared.first.final(posted["id"]))["detail"]["date_time"]
    assert at > posted["created"]
    shared.advance(30)
    assert (await shared.first.get(posted["id"])).body["detail"]["date_time"] == at


@pytest.mark.parametrize(
    ("command", "signals", "numbers"),
    [
        ("lock_door", {"speed": 20.0}, (1,)),
        ("unlock_door", {"speed": 20.0}, (1,)),
        ("cancel_alert", {}, (2,)),
        ("disable_ignition", {"system_power_mode": "on"}, (3,)),
        ("disable_ignition", {"speed": 20.0}, (3,)),
        ("enable_ignition", {}, (4,)),
        ("enable_ignition", {"ignition_disabled": True, "system_power_mode": "on"}, (3,)),
        ("cancel_start", {}, (12,)),
        ("start", {"speed": 20.0, "hood_status": "open", "hazard_lights": "on"}, (1, 3, 5, 8)),
        ("start", {"lv_battery_voltage": 11.7}, (7,)),
        ("start", {"transmission_gear": "neutral", "malfunction_indicator": "on"}, (9, 10)),
        ("start", {"consecutive_remote_starts": 2}, (11,)),
    ],
)
async def test_what_the_vehicle_contradicts_is_refused(
    shared: ServerEnv, vin: str, command: str, signals: dict[str, object], numbers: tuple[int, ...]
) -> None:
    """By the read before sending, and by what the store knows then."""
    await shared.set_vehicle(vin, signals=signals)
    for _ in range(2):
        assert conflict(await shared.first.send(vin, command)) == not_met(*numbers)
    assert await shared.actuations(vin) == []


@pytest.mark.parametrize(
    ("command", "signals"),
    [
        ("start", {"lv_battery_voltage": 11.8}),
        ("start", {"consecutive_remote_starts": 1}),
        ("disable_ignition", {"speed": None}),
        ("disable_ignition", {"system_power_mode": "ignition off"}),
        ("disable_ignition", {"vehicle_move_status": "invalid", "hood_status": "open"}),
    ],
)
async def test_precondition_that_just_holds_is_met(
    shared: ServerEnv, vin: str, command: str, signals: dict[str, object]
) -> None:
    await shared.set_vehicle(vin, signals=signals)
    await shared.done(vin, command)


async def test_fuel_in_reserve_is_judged_by_the_vehicles_own_reserve_and_only_with_a_tank(shared: ServerEnv) -> None:
    """The simulated vehicle itself refuses below ten percent, so none is sent here."""
    vin = "9KTFUEL0000000004"
    assert conflict(await shared.first.post(vin, "start")) == not_met(6)
    await shared.node.administer("vehicle set", {"vehicle": vin, "fuel_reserve": 3.0})
    answer = await shared.first.post(vin, "start")
    record = await shared.first.final(answer.body["id"])
    assert (answer.code, record["detail"]) == (200, not_met(6))
    await shared.node.administer("vehicle set", {"vehicle": vin, "fuel_reserve": 10.0, "powertrain": "electric"})
    assert (await shared.first.post(vin, "start")).code == 200


async def test_an_alert_has_no_precondition(shared: ServerEnv, vin: str) -> None:
    await shared.set_vehicle(vin, signals={"speed": 20.0, "system_power_mode": "on", "hood_status": "open"})
    await shared.done(vin, "alert")


async def test_an_enable_is_never_refused_because_the_vehicle_cannot_be_reached(shared: ServerEnv, vin: str) -> None:
    await shared.done(vin, "disable_ignition")
    await shared.set_vehicle(vin, reachable=False)
    answer = await shared.first.confirmed(vin, "enable_ignition")
    assert (answer.code, answer.body["status"]) == (200, "Pending")
    await shared.has_state(answer.body["id"], "Accepted")
    assert (await shared.first.get(answer.body["id"])).body["status"] == "Pending"
    await shared.set_vehicle(vin, reachable=True)
    assert (await shared.first.final(answer.body["id"]))["status"] == "Success"


async def test_disable_is_refused_where_the_vehicle_cannot_be_reached(shared: ServerEnv, vin: str) -> None:
    await shared.set_vehicle(vin, reachable=False)
    assert conflict(await shared.first.confirmed(vin, "disable_ignition")) == not_met(13)


async def test_a_start_on_a_running_vehicle_is_refused_by_3(shared: ServerEnv, vin: str) -> None:
    await shared.done(vin, "start")
    assert conflict(await shared.first.post(vin, "start")) == not_met(3)


async def test_two_starts_in_a_row_are_all_that_there_are_cancelled_or_not(shared: ServerEnv, vin: str) -> None:
    for command in ("start", "cancel_start", "start", "cancel_start"):
        await shared.done(vin, command)
    assert conflict(await shared.first.post(vin, "start")) == not_met(11)
    assert await shared.actuations(vin) == ["start", "cancel_start", "start", "cancel_start"]


async def test_our_own_count_of_starts_refuses_where_no_newer_report_counts(shared: ServerEnv, vin: str) -> None:
    """And so the third one is never sent."""
    await shared.set_vehicle(vin, evidence_age=3600.0)
    for command in ("start", "cancel_start", "start", "cancel_start"):
        await shared.done(vin, command)
    third = await shared.first.post(vin, "start")
    assert conflict(third) == not_met(11)
    assert shared.operations(third.body["id"]) == []


async def test_a_start_by_hand_lets_the_next_remote_start_through(shared: ServerEnv, vin: str) -> None:
    for command in ("start", "cancel_start", "start", "cancel_start"):
        await shared.done(vin, command)
    await shared.set_vehicle(vin, signals={"consecutive_remote_starts": 0})
    shared.advance(121)
    await shared.done(vin, "start")


async def test_a_restoring_command_goes_through_while_nothing_newer_contradicts_it(shared: ServerEnv, vin: str) -> None:
    """The report before our start says that nothing was started; our own record says otherwise."""
    await shared.set_vehicle(vin, evidence_age=3600.0)
    await shared.done(vin, "start")
    assert (await shared.done(vin, "cancel_start"))["status"] == "Success"


async def test_a_restoring_command_is_refused_only_by_a_report_newer_than_what_was_done_last(
    shared: ServerEnv, vin: str
) -> None:
    """Nothing is read again while the store knows enough: an alert in between is what makes the report old."""
    assert conflict(await shared.first.post(vin, "cancel_start")) == not_met(12)
    await shared.set_vehicle(vin, signals={"remote_start_active": True})
    assert conflict(await shared.first.post(vin, "cancel_start")) == not_met(12)
    await shared.done(vin, "alert")
    await shared.done(vin, "cancel_start")
