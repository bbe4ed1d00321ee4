"""A vehicle's true state with its history; Keyturn knows only what is reported of it."""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from keyturn.clock import after

Value = bool | int | float | str
Values = Mapping[str, Value]

ALERT_LASTS = 30.0
PARKED: dict[str, Value] = {
    "speed": 0.0,
    "system_power_mode": "off",
    "ignition_status": "ignition off",
    "vehicle_move_status": "parked",
    "transmission_gear": "park",
    "hood_status": "closed",
    "fuel_level": 62.0,
    "lv_battery_voltage": 12.6,
    "hazard_lights": "off",
    "malfunction_indicator": "off",
    "doors_locked": True,
    "ignition_disabled": False,
    "remote_start_active": False,
    "remote_alert_active": False,
    "consecutive_remote_starts": 0,
}
DRIVING: dict[str, Value] = {
    "speed": 60.0,
    "system_power_mode": "on",
    "ignition_status": "ignition on",
    "vehicle_move_status": "forward",
    "transmission_gear": "drive",
    "remote_start_active": False,
    "consecutive_remote_starts": 0,
}
STOPPED: dict[str, Value] = {name: PARKED[name] for name in DRIVING}


def _off(values: Values) -> bool:
    return values["system_power_mode"] == "off" and values["speed"] == 0


HOLDS: dict[int, Callable[[Values], bool]] = {
    1: lambda v: v["speed"] == 0,
    2: lambda v: bool(v["remote_alert_active"]),
    3: _off,
    4: lambda v: bool(v["ignition_disabled"]),
    5: lambda v: v["hood_status"] == "closed",
    6: lambda v: float(v["fuel_level"]) > 10,
    7: lambda v: float(v["lv_battery_voltage"]) >= 11.8,
    8: lambda v: v["hazard_lights"] == "off",
    9: lambda v: v["transmission_gear"] == "park",
    10: lambda v: v["malfunction_indicator"] == "off",
    11: lambda v: int(v["consecutive_remote_starts"]) < 2,
    12: lambda v: bool(v["remote_start_active"]),
}
"""The preconditions as the vehicle itself would judge them, by their numbers; it is reached when it is asked."""

NEEDS: dict[str, tuple[int, ...]] = {
    "lock_door": (1,),
    "unlock_door": (1,),
    "cancel_alert": (2,),
    "enable_ignition": (3, 4),
    "disable_ignition": (3,),
    "start": (1, 3, 5, 6, 7, 8, 9, 10, 11),
    "cancel_start": (12,),
}

_DOES: dict[str, dict[str, Value]] = {
    "lock_door": {"doors_locked": True},
    "unlock_door": {"doors_locked": False},
    "alert": {"remote_alert_active": True, "hazard_lights": "on"},
    "cancel_alert": {"remote_alert_active": False, "hazard_lights": "off"},
    "disable_ignition": {"ignition_disabled": True},
    "enable_ignition": {"ignition_disabled": False},
    "start": {"remote_start_active": True, "system_power_mode": "on", "ignition_status": "ignition on"},
    "cancel_start": {"remote_start_active": False, "system_power_mode": "off", "ignition_status": "ignition off"},
}


class Change(NamedTuple):
    """What a change made of a vehicle, at a true instant; `by` is our reference, empty: by hand or by itself."""

    at: int
    by: str
    values: Values


class VehicleModel:
    """One vehicle; instants are true ones."""

    def __init__(self, vin: str, born_at: int, begins: Values) -> None:
        self.vin = vin
        self.reachable = True
        self.last_contact = born_at
        self._past: list[tuple[int, Values]] = [(born_at, begins)]
        self._since: dict[str, int] = dict.fromkeys(begins, born_at)
        self._changes: list[Change] = []

    @property
    def values(self) -> Values:
        return self._past[-1][1]

    def values_at(self, instant: int) -> Values:
        """What was true then."""
        place = bisect_right(self._past, instant, key=lambda entry: entry[0])
        return self._past[max(0, place - 1)][1]

    def always(self, from_: int, to: int, holds: Callable[[Values], bool]) -> bool:
        """Whether something held during the whole of a time."""
        within = [values for at, values in self._past if from_ < at <= to]
        return all(holds(values) for values in (self.values_at(from_), *within))

    def since(self, name: str) -> int:
        """When the present value came into being."""
        return self._since[name]

    def made(self, name: str, value: Value, since: int) -> Iterator[Change]:
        """The changes of a signal to this value from an instant on."""
        return (change for change in self._changes if change.at >= since and change.values.get(name) == value)

    def become(self, at: int, changes: Values, by: str = "") -> None:
        """Something changes, by hand or by a command."""
        changed = {name: value for name, value in changes.items() if self.values[name] != value}
        self._changes.append(Change(at, by, changed))
        self._since |= dict.fromkeys(changed, at)
        self._past.append((at, {**self.values, **changed}))

    def drive_off(self, at: int) -> bool:
        """A driver starts by hand; an immobilised vehicle does not."""
        if self.values["ignition_disabled"] and self.values["system_power_mode"] == "off":
            return False
        self.become(at, DRIVING)
        return True

    def unmet(self, name: str) -> tuple[int, ...]:
        """What the vehicle itself would refuse a command for."""
        return tuple(number for number in NEEDS.get(name, ()) if not HOLDS[number](self.values))

    def already(self, name: str) -> bool:
        """It is as the command would make it."""
        does = _DOES.get(name)
        return does is not None and all(self.values[signal] == value for signal, value in does.items())

    def obey(self, at: int, name: str, ref: str = "") -> None:
        """Carry out the command."""
        changes = dict(_DOES.get(name, {}))
        if name == "start":
            changes["consecutive_remote_starts"] = int(self.values["consecutive_remote_starts"]) + 1
        self.become(at, changes, ref)

    def alert_ends_at(self) -> int:
        """When horn and lights stop by themselves."""
        return after(self._since["remote_alert_active"], ALERT_LASTS)
