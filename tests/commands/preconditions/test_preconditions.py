"""The thirteen preconditions over usable values: met, contradicted, unknown."""

from typing import Any

import pytest

from keyturn.commands.preconditions.evaluation import CheckResult

from .cases import CONTRADICTED, MET, UNKNOWN, ago, vehicle, verdict

Values = dict[str, Any]

OFF: Values = {"system_power_mode": "off", "speed": 0}
TABLE: list[tuple[str, int, CheckResult, Values]] = [
    ("lock_door", 1, MET, {"speed": 0}),
    ("lock_door", 1, MET, {"speed": 0.0}),
    ("lock_door", 1, CONTRADICTED, {"speed": 0.1}),
    ("lock_door", 1, UNKNOWN, {}),
    ("lock_door", 1, UNKNOWN, {"speed": "0"}),
    ("lock_door", 1, UNKNOWN, {"speed": False}),
    ("cancel_alert", 2, MET, {"remote_alert_active": True}),
    ("cancel_alert", 2, CONTRADICTED, {"remote_alert_active": False}),
    ("cancel_alert", 2, UNKNOWN, {}),
    ("cancel_alert", 2, UNKNOWN, {"remote_alert_active": "yes"}),
    ("disable_ignition", 3, MET, OFF),
    ("disable_ignition", 3, MET, {"system_power_mode": "ignition off", "speed": 0}),
    ("disable_ignition", 3, MET, {"ignition_status": "ignition off", "speed": 0}),
    ("disable_ignition", 3, MET, {"system_power_mode": "off", "vehicle_move_status": "parked"}),
    ("disable_ignition", 3, MET, {**OFF, "ignition_status": "other", "vehicle_move_status": "park"}),
    ("disable_ignition", 3, CONTRADICTED, {"system_power_mode": "on", "speed": 0}),
    ("disable_ignition", 3, CONTRADICTED, {"system_power_mode": "ignition on", "speed": 0}),
    ("disable_ignition", 3, CONTRADICTED, {"system_power_mode": "accessory"}),
    ("disable_ignition", 3, CONTRADICTED, {"system_power_mode": "crank"}),
    ("disable_ignition", 3, CONTRADICTED, {"ignition_status": "ignition on"}),
    ("disable_ignition", 3, CONTRADICTED, {"ignition_status": "crank"}),
    ("disable_ignition", 3, CONTRADICTED, {"ignition_status": "accessory"}),
    ("disable_ignition", 3, CONTRADICTED, {"vehicle_move_status": "forward"}),
    ("disable_ignition", 3, CONTRADICTED, {"vehicle_move_status": "reverse"}),
    ("disable_ignition", 3, UNKNOWN, {}),
    ("disable_ignition", 3, UNKNOWN, {"system_power_mode": "off"}),
    ("disable_ignition", 3, UNKNOWN, {"speed": 0}),
    ("disable_ignition", 3, UNKNOWN, {"ignition_status": "other", "speed": 0}),
    ("disable_ignition", 3, UNKNOWN, {"system_power_mode": "off", "vehicle_move_status": "invalid"}),
    ("disable_ignition", 3, UNKNOWN, {"system_power_mode": "off", "vehicle_move_status": "neutral"}),
    ("enable_ignition", 4, MET, {"ignition_disabled": True}),
    ("enable_ignition", 4, CONTRADICTED, {"ignition_disabled": False}),
    ("enable_ignition", 4, UNKNOWN, {}),
    ("start", 5, MET, {"hood_status": "closed"}),
    ("start", 5, CONTRADICTED, {"hood_status": "open"}),
    ("start", 5, UNKNOWN, {}),
    ("start", 6, MET, {"fuel_level": 10.1}),
    ("start", 6, CONTRADICTED, {"fuel_level": 10.0}),
    ("start", 6, CONTRADICTED, {"fuel_level": 0}),
    ("start", 6, UNKNOWN, {}),
    ("start", 7, MET, {"lv_battery_voltage": 11.8}),
    ("start", 7, CONTRADICTED, {"lv_battery_voltage": 11.79}),
    ("start", 7, UNKNOWN, {}),
    ("start", 8, MET, {"hazard_lights": "off"}),
    ("start", 8, CONTRADICTED, {"hazard_lights": "on"}),
    ("start", 8, UNKNOWN, {}),
    ("start", 9, MET, {"transmission_gear": "park"}),
    ("start", 9, CONTRADICTED, {"transmission_gear": "neutral"}),
    ("start", 9, UNKNOWN, {}),
    ("start", 10, MET, {"malfunction_indicator": "off"}),
    ("start", 10, CONTRADICTED, {"malfunction_indicator": "on"}),
    ("start", 10, UNKNOWN, {}),
    ("start", 11, MET, {"consecutive_remote_starts": 1}),
    ("start", 11, CONTRADICTED, {"consecutive_remote_starts": 2}),
    ("start", 11, UNKNOWN, {}),
    ("cancel_start", 12, MET, {"remote_start_active": True}),
    ("cancel_start", 12, CONTRADICTED, {"remote_start_active": False}),
    ("cancel_start", 12, UNKNOWN, {}),
]
DISAGREEMENTS: list[Values] = [
    {**OFF, "speed": 40},
    {**OFF, "ignition_status": "ignition on"},
    {**OFF, "vehicle_move_status": "forward"},
    {"system_power_mode": "on", "ignition_status": "ignition off", "speed": 0},
    {"system_power_mode": "off", "vehicle_move_status": "parked", "speed": 40},
]


@pytest.mark.parametrize(("command", "number", "expected", "values"), TABLE)
def test_verdict_of_each_precondition(command: str, number: int, expected: CheckResult, values: Values) -> None:
    assert verdict(command, number, values) is expected


@pytest.mark.parametrize("values", DISAGREEMENTS)
def test_signals_that_disagree_are_a_contradiction_and_never_an_average(values: Values) -> None:
    assert verdict("disable_ignition", 3, values) is CONTRADICTED


@pytest.mark.parametrize(
    ("powertrain", "level", "expected"),
    [
        ("electric", None, MET),
        ("electric", 0, MET),
        ("hybrid", 5, CONTRADICTED),
        ("hybrid", None, UNKNOWN),
        ("combustion", 5, CONTRADICTED),
    ],
)
def test_fuel_is_asked_of_vehicles_that_burn_it(powertrain: str, level: float | None, expected: CheckResult) -> None:
    values = {} if level is None else {"fuel_level": level}

    assert verdict("start", 6, values, vehicle=vehicle(powertrain)) is expected


@pytest.mark.parametrize(("reserve", "expected"), [(14.9, MET), (15.0, CONTRADICTED)])
def test_the_reserve_is_the_vehicles_own(reserve: float, expected: CheckResult) -> None:
    assert verdict("start", 6, {"fuel_level": 15.0}, vehicle=vehicle(fuel_reserve=reserve)) is expected


@pytest.mark.parametrize(
    ("said", "said_ago", "contact_ago", "expected"),
    [
        (True, 0, None, MET),
        (True, 120, 3600, MET),
        (None, 0, 0, MET),
        (None, 0, 120, MET),
        (None, 0, -30, MET),
        (False, 0, None, CONTRADICTED),
        (False, 0, 0, CONTRADICTED),
        (False, 120, 0, CONTRADICTED),
        (None, 0, None, UNKNOWN),
        (None, 0, 120.1, UNKNOWN),
        (None, 0, -30.1, UNKNOWN),
        (True, 120.1, None, UNKNOWN),
        (True, 120.1, 121, UNKNOWN),
        (False, 120.1, None, UNKNOWN),
    ],
)
@pytest.mark.parametrize("command", ["enable_ignition", "disable_ignition"])
def test_verdict_of_the_reachability_precondition(
    command: str, said: bool | None, said_ago: float, contact_ago: float | None, expected: CheckResult
) -> None:
    contact = None if contact_ago is None else ago(contact_ago)

    assert verdict(command, 13, reachable=said, reachable_at=ago(said_ago), last_contact=contact) is expected
