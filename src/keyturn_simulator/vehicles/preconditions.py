"""Preconditions that a vehicle enforces itself, by the gateway's numbers."""

from collections.abc import Callable, Mapping

import msgspec

from keyturn_simulator.vehicles.signals import Value

Values = Mapping[str, Value]

FUEL_RESERVE = 10.0
ADEQUATE_VOLTAGE = 11.8
REMOTE_STARTS_ALLOWED = 2


class Precondition(msgspec.Struct, frozen=True):
    """A rule that a vehicle enforces itself, with the code and message of its refusal."""

    code: str
    message: str
    holds: Callable[[Values], bool]


def number(value: Value) -> float:
    return float(value) if isinstance(value, (int, float)) else 0.0


def engine_off(values: Values) -> bool:
    return values["system_power_mode"] in ("off", "ignition off") or values["ignition_status"] == "ignition off"


def stationary(values: Values) -> bool:
    return values["speed"] == 0


def switched_off(values: Values) -> bool:
    return engine_off(values) and (stationary(values) or values["vehicle_move_status"] == "parked")


def fuel_left(values: Values) -> bool:
    return values["fuel_level"] is None or number(values["fuel_level"]) > FUEL_RESERVE


PRECONDITIONS: Mapping[int, Precondition] = {
    1: Precondition("vehicle_moving", "The vehicle is moving.", stationary),
    2: Precondition("alert_not_active", "No alert is active.", lambda v: v["remote_alert_active"] is True),
    3: Precondition("not_off", "The vehicle is not turned off.", switched_off),
    4: Precondition("not_disabled", "The ignition is not disabled.", lambda v: v["ignition_disabled"] is True),
    5: Precondition("hood_open", "The hood is open.", lambda v: v["hood_status"] == "closed"),
    6: Precondition("fuel_reserve", "The fuel tank is in reserve.", fuel_left),
    7: Precondition(
        "battery_low", "The battery voltage is too low.", lambda v: number(v["lv_battery_voltage"]) >= ADEQUATE_VOLTAGE
    ),
    8: Precondition("hazard_on", "The hazard lights are on.", lambda v: v["hazard_lights"] == "off"),
    9: Precondition("not_in_park", "The transmission is not in Park.", lambda v: v["transmission_gear"] == "park"),
    10: Precondition("mil_on", "A malfunction light is on.", lambda v: v["malfunction_indicator"] == "off"),
    11: Precondition(
        "start_limit",
        "Two remote starts in a row: the next start must be by hand.",
        lambda v: number(v["consecutive_remote_starts"]) < REMOTE_STARTS_ALLOWED,
    ),
    12: Precondition(
        "not_started_remotely",
        "The vehicle was not started remotely.",
        lambda v: v["remote_start_active"] is True or v["start_pending"] is True,
    ),
    13: Precondition("unreachable", "The vehicle is out of coverage.", lambda v: v["reachable"] is True),
}
"""Numbered as the gateway numbers them. `start_pending` and `reachable` are facts of the cloud beside the signals."""
