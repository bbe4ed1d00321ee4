"""A vehicle's signals, and how a command's effects on them last and end."""

from collections.abc import Mapping

import msgspec

Value = str | int | float | bool | None

PARKED: Mapping[str, Value] = {
    "speed": 0.0,
    "system_power_mode": "off",
    "ignition_status": "ignition off",
    "vehicle_move_status": "parked",
    "transmission_gear": "park",
    "hood_status": "closed",
    "hazard_lights": "off",
    "malfunction_indicator": "off",
    "lv_battery_voltage": 12.6,
    "doors_locked": True,
    "ignition_disabled": False,
    "remote_start_active": False,
    "remote_alert_active": False,
    "consecutive_remote_starts": 0,
    "seat_belt_status": "not buckled",
    "latitude": -23.5505199,
    "longitude": -46.6333094,
    "odometer": 18250.0,
    "fuel_level": 62.0,
    "fuel_capacity": 50.0,
    "fuel_amount": 31.0,
    "fuel_range": 384.4,
    "total_fuel_used": 1471.8,
    "total_fuel_economy": 12.4,
    "oil_remaining_life": 71.0,
    "oil_remaining_life_status": "normal",
    "ideal_front_tire_pressure": 33.0,
    "ideal_rear_tire_pressure": 32.0,
    "left_front_tire_pressure": 33.2,
    "left_front_tire_pressure_status": "normal",
    "right_front_tire_pressure": 33.0,
    "right_front_tire_pressure_status": "normal",
    "left_rear_tire_pressure": 32.1,
    "left_rear_tire_pressure_status": "normal",
    "right_rear_tire_pressure": 31.8,
    "right_rear_tire_pressure_status": "normal",
}
"""Every signal that a vehicle has, as a healthy parked one shows it: km/h, V, km, %, L, km/L, psi, degrees."""

DRIVING: Mapping[str, Value] = {
    "system_power_mode": "on",
    "ignition_status": "ignition on",
    "vehicle_move_status": "forward",
    "transmission_gear": "drive",
    "seat_belt_status": "buckled",
    "lv_battery_voltage": 14.1,
}

FUEL_SIGNALS = ("fuel_level", "fuel_capacity", "fuel_amount", "fuel_range", "total_fuel_used", "total_fuel_economy")
DERIVED_SIGNALS = ("fuel_amount", "fuel_range", "total_fuel_used")
STEPS_KEPT = 16


class Signal(msgspec.Struct, frozen=True):
    """A value, and the instant since which it holds."""

    value: Value
    observed_at: int


class Step(msgspec.Struct, frozen=True, array_like=True):
    """A value that a signal took at `at`, for good or until `until`."""

    at: int
    value: Value
    until: int | None = None

    def over(self, at: int) -> bool:
        return self.until is not None and self.until <= at


Steps = tuple[Step, ...]
Timelines = dict[str, Steps]


def after(steps: Steps, step: Step) -> Steps:
    return (*steps, step)[-STEPS_KEPT:]


def ended(steps: Steps, at: int) -> Steps:
    """The steps with every timed one that still runs cut short at `at`."""
    return tuple(Step(s.at, s.value, at) if s.until is not None and not s.over(at) else s for s in steps)


def current(steps: Steps, ambient: Signal, at: int) -> Signal:
    """The newest of the vehicle's own value and the steps that hold at `at`."""
    begun = [step for step in steps if step.at <= at]
    newest = ambient
    for step in begun:
        if not step.over(at) and step.at >= newest.observed_at:
            newest = Signal(step.value, step.at)
    reverted = (step.until or 0 for step in begun if step.over(at) and step.at >= newest.observed_at)
    return Signal(newest.value, max(reverted, default=newest.observed_at))


def settable(name: str, value: Value) -> bool:
    """Whether a signal may be set from outside: it exists, follows from no other, and the value is of its kind."""
    if name not in PARKED or name in DERIVED_SIGNALS:
        return False
    kind = type(PARKED[name])
    return value is None or type(value) is kind or (kind in (int, float) and type(value) in (int, float))
