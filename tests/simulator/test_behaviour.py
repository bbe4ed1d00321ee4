from collections import Counter
from itertools import pairwise

import pytest

from keyturn_simulator.clock import SECOND
from keyturn_simulator.vehicles.commands import Change
from keyturn_simulator.vehicles.fleet import FleetVehicle, fleet_vins, ordinary_vehicle
from keyturn_simulator.vehicles.signals import PARKED, Signal
from keyturn_simulator.vehicles.state import Condition, World, after_command, initial_condition, state
from keyturn_simulator.vehicles.vehicle import acts_at, report
from tests.simulator.oem import NOON, simulated

WORLD = World(seed=7, founded_at=NOON, lively=True)
MINUTE = 60 * SECOND
FLEET = [vehicle for vehicle in fleet_vins(200) if vehicle.ordinary]
DAY = range(NOON, NOON + 24 * 60 * MINUTE, 5 * MINUTE)


def signals(vehicle: FleetVehicle, at: int, condition: Condition | None = None) -> dict[str, Signal]:
    return state(vehicle, condition or initial_condition(vehicle), WORLD, at)


def disabled(vehicle: FleetVehicle, at: int, value: bool = True, before: Condition | None = None) -> Condition:
    condition = before or initial_condition(vehicle)
    return after_command(condition, signals(vehicle, at, condition), (Change("ignition_disabled", value),), at)


def a_vehicle(at: int, speeding: bool) -> FleetVehicle:
    return next(v for v in FLEET if (signals(v, at)["system_power_mode"].value == "on") is speeding)


def test_a_vehicle_is_the_same_under_the_same_seed_and_another_under_another() -> None:
    other = World(seed=8, founded_at=NOON, lively=True)
    condition = initial_condition(FLEET[0])
    assert state(FLEET[0], condition, WORLD, NOON) == state(FLEET[0], condition, WORLD, NOON)
    assert state(FLEET[0], condition, WORLD, NOON) != state(FLEET[0], condition, other, NOON)


def test_an_ordinary_day_does_not_depend_on_when_the_data_began() -> None:
    later = World(seed=7, founded_at=NOON + MINUTE, lively=True)
    assert state(FLEET[0], initial_condition(FLEET[0]), later, NOON) == signals(FLEET[0], NOON)


def test_the_fleet_drives_parks_loses_coverage_sleeps_and_runs_low() -> None:
    counts: Counter[str] = Counter()
    for vehicle in FLEET:
        for at in DAY[:: 24 if vehicle.vin != FLEET[0].vin else 1]:
            reported = report(vehicle, initial_condition(vehicle), WORLD, at)
            values = {name: signal.value for name, signal in reported.signals.items()}
            counts[f"power {values['system_power_mode']}"] += 1
            counts["no coverage"] += reported.reachable is False
            counts["asleep"] += reported.reachable is True and reported.as_of < at
            counts["fuel low"] += isinstance(values["fuel_level"], float) and values["fuel_level"] < 10
            counts["battery low"] += float(values["lv_battery_voltage"] or 0) < 11.8
            counts["no fuel"] += values["fuel_level"] is None
    expected = {"power on", "power off", "no coverage", "asleep", "fuel low", "battery low", "no fuel"}
    assert {name for name, times in counts.items() if times} == expected


def test_every_report_is_sound() -> None:
    for vehicle in fleet_vins(60):
        for at in DAY[::36]:
            reported = report(vehicle, initial_condition(vehicle), WORLD, at)
            assert set(reported.signals) == set(PARKED)
            assert reported.as_of <= at
            assert max(signal.observed_at for signal in reported.signals.values()) <= reported.as_of
            if reported.signals["system_power_mode"].value == "off":
                assert reported.signals["speed"].value == 0


def test_a_vehicle_moves_without_jumps_and_its_odometer_never_runs_back() -> None:
    places = [signals(FLEET[3], at) for at in DAY[::2]]
    for before, after in pairwise(places):
        assert abs(float(after["latitude"].value or 0) - float(before["latitude"].value or 0)) < 0.3
        assert float(after["odometer"].value or 0) >= float(before["odometer"].value or 0)


def test_a_disabled_vehicle_stays_where_it_is_until_the_outing_after_it_is_enabled() -> None:
    vehicle = a_vehicle(NOON, speeding=False)
    held = disabled(vehicle, NOON)
    assert {signals(vehicle, at, held)["system_power_mode"].value for at in DAY} == {"off"}
    assert len({signals(vehicle, at, held)["odometer"].value for at in DAY}) == 1
    freed = disabled(vehicle, DAY[144], False, before=held)
    assert signals(vehicle, DAY[144], freed)["system_power_mode"].value == "off"
    assert {signals(vehicle, at, freed)["system_power_mode"].value for at in DAY} == {"off", "on"}


def test_disabling_a_driving_vehicle_lets_it_finish_its_outing() -> None:
    vehicle = a_vehicle(NOON, speeding=True)
    held = disabled(vehicle, NOON)
    driving = [signals(vehicle, at, held)["system_power_mode"].value == "on" for at in DAY]
    assert (driving[0], driving[-1]) == (True, False)
    assert driving == sorted(driving, reverse=True)


def test_an_outing_ends_a_remote_start_and_its_count() -> None:
    vehicle = a_vehicle(NOON, speeding=False)
    effects = (Change("remote_start_active", True, 24 * 3600.0), Change("consecutive_remote_starts", 1))
    started = after_command(initial_condition(vehicle), signals(vehicle, NOON), effects, NOON)
    assert signals(vehicle, NOON, started)["remote_start_active"].value is True
    leaves_at = next(at for at in DAY if signals(vehicle, at)["system_power_mode"].value == "on")
    by_hand = signals(vehicle, leaves_at, started)
    assert (by_hand["remote_start_active"].value, by_hand["consecutive_remote_starts"].value) == (False, 0)


def test_a_vehicle_out_of_coverage_gets_a_command_when_it_is_back_but_is_never_disabled_later() -> None:
    vehicle, at = next(
        (vehicle, at)
        for at in DAY
        for vehicle in FLEET
        if report(vehicle, initial_condition(vehicle), WORLD, at).reachable is False
    )
    back_at = acts_at(vehicle, initial_condition(vehicle), WORLD, "lock_door", at)
    assert back_at is not None
    assert back_at > at
    assert report(vehicle, initial_condition(vehicle), WORLD, back_at).reachable is True
    assert acts_at(vehicle, initial_condition(vehicle), WORLD, "disable_ignition", at) == at


def test_a_command_wakes_a_sleeping_vehicle() -> None:
    vehicle = next(v for v in FLEET if report(v, initial_condition(v), WORLD, NOON).as_of < NOON - MINUTE)
    woken = after_command(initial_condition(vehicle), signals(vehicle, NOON), (), NOON)
    assert report(vehicle, woken, WORLD, NOON + MINUTE).as_of == NOON + MINUTE
    assert report(vehicle, woken, WORLD, NOON + 20 * MINUTE).as_of >= NOON + 10 * MINUTE


@pytest.mark.anyio
async def test_two_runs_under_one_seed_and_clock_are_alike_to_the_byte() -> None:
    async def run() -> list[object]:
        async with simulated(seed=3, latency_median=2.0) as oem:
            operations = [await oem.done(vehicle.vin, "start", vehicle.vin) for vehicle in FLEET[:20]]
            await oem.advance(30)
            finished = [await oem.operation(operation["url"]) for operation in operations]
            states = [await oem.state(vehicle.vin) for vehicle in FLEET[:20]]
            return [[operation | {"url": ""} for operation in finished], states, await oem.ledger()]

    assert await run() == await run()


@pytest.mark.anyio
async def test_a_fleet_that_is_not_lively_stays_parked_and_fresh() -> None:
    async with simulated(lively=False) as oem:
        for hours in (0, 5):
            await oem.advance(hours * 3600)
            for number in (1, 2, 3):
                reported = await oem.state(ordinary_vehicle(number).vin)
                assert (reported["reachable"], reported["signals"]["speed"]["value"]) == (True, 0)
                assert reported["last_contact"] == (await oem.call("GET", f"{oem.base_url}/control/clock"))[1]["now"]
