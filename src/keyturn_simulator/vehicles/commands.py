"""The ten commands as a vehicle carries them out: preconditions, effects on signals, returned signals."""

from collections.abc import Callable, Mapping

import msgspec

from keyturn_simulator.vehicles.preconditions import Values, engine_off, number
from keyturn_simulator.vehicles.signals import Value

ALERT_SECONDS = 30.0
DIAGNOSTICS = (
    "fuel_amount",
    "fuel_capacity",
    "fuel_level",
    "fuel_range",
    "ideal_front_tire_pressure",
    "ideal_rear_tire_pressure",
    "left_front_tire_pressure",
    "left_front_tire_pressure_status",
    "right_front_tire_pressure",
    "right_front_tire_pressure_status",
    "left_rear_tire_pressure",
    "left_rear_tire_pressure_status",
    "right_rear_tire_pressure",
    "right_rear_tire_pressure_status",
    "odometer",
    "oil_remaining_life",
    "oil_remaining_life_status",
    "seat_belt_status",
    "system_power_mode",
    "total_fuel_economy",
    "total_fuel_used",
)


class Change(msgspec.Struct, frozen=True):
    """What a command does to a signal: a new value, for good or for `lasts` seconds."""

    signal: str
    value: Value
    lasts: float | None = None


class Ending(msgspec.Struct, frozen=True):
    """The end of a signal's timed value before its time."""

    signal: str


Effect = Change | Ending
Effects = Callable[[Values, float], tuple[Effect, ...]]


class Command(msgspec.Struct, frozen=True):
    """One of the ten commands: a read returns signals, any other has effects and belongs in the ledger."""

    preconditions: tuple[int, ...] = ()
    returns: tuple[str, ...] = ()
    effects: Effects | None = None
    waits_for_coverage: bool = True

    @property
    def actuates(self) -> bool:
        return self.effects is not None


def always(*effects: Effect) -> Effects:
    return lambda _values, _remote_start_seconds: effects


def start(values: Values, remote_start_seconds: float) -> tuple[Effect, ...]:
    if not engine_off(values):
        return ()
    return (
        Change("remote_start_active", True, remote_start_seconds),
        Change("system_power_mode", "on", remote_start_seconds),
        Change("ignition_status", "ignition on", remote_start_seconds),
        Change("consecutive_remote_starts", int(number(values["consecutive_remote_starts"])) + 1),
    )


def cancel_start(values: Values, _remote_start_seconds: float) -> tuple[Effect, ...]:
    if values["remote_start_active"] is not True:
        return ()
    return (
        Change("remote_start_active", False),
        Change("system_power_mode", "off"),
        Change("ignition_status", "ignition off"),
    )


COMMANDS: Mapping[str, Command] = {
    "location": Command(returns=("latitude", "longitude")),
    "diagnostics": Command(returns=DIAGNOSTICS),
    "lock_door": Command((1,), effects=always(Change("doors_locked", True))),
    "unlock_door": Command((1,), effects=always(Change("doors_locked", False))),
    "alert": Command(
        effects=always(Change("remote_alert_active", True, ALERT_SECONDS), Change("hazard_lights", "on", ALERT_SECONDS))
    ),
    "cancel_alert": Command((2,), effects=always(Change("remote_alert_active", False), Ending("hazard_lights"))),
    "enable_ignition": Command((3, 4, 13), effects=always(Change("ignition_disabled", False))),
    "disable_ignition": Command((3, 13), effects=always(Change("ignition_disabled", True)), waits_for_coverage=False),
    "start": Command((1, 3, 5, 6, 7, 8, 9, 10, 11), effects=start),
    "cancel_start": Command((12,), effects=cancel_start),
}

OFFERED: Mapping[str, frozenset[str]] = {
    "oem": frozenset(COMMANDS),
    "relay": frozenset(COMMANDS) - {"diagnostics", "alert", "cancel_alert"},
}
"""Commands by API."""
