"""The thirteen preconditions as a table of data, each a pure rule over the usable signals.

Rules are three-valued: True (met), False (contradicted), None (unknown). Signals that disagree contradict; nothing is
averaged.
"""

from collections.abc import Callable, Iterable

import msgspec

from keyturn.fleet.evidence import SignalValue

Truth = bool | None


class Signals(msgspec.Struct, frozen=True):
    """The input of a rule: the usable values, and numbers of the vehicle itself."""

    values: dict[str, SignalValue]
    """Signals that are neither null, stale, from the future, nor older than our last command that can change them."""
    fuel_reserve: float
    has_tank: bool
    starts: int | None
    """Consecutive remote starts by report or by our own count; None when neither counts."""
    reachable: Truth

    def number(self, name: str) -> float | None:
        value = self.values.get(name)
        return None if isinstance(value, bool) or not isinstance(value, int | float) else float(value)

    def flag(self, name: str) -> Truth:
        value = self.values.get(name)
        return value if isinstance(value, bool) else None

    def word(self, name: str) -> str | None:
        value = self.values.get(name)
        return value if isinstance(value, str) else None


class Precondition(msgspec.Struct, frozen=True):
    number: int
    text: str
    """The public sentence."""
    signals: tuple[str, ...]
    """What the rule looks at; their values are kept with the result."""
    holds: Callable[[Signals], Truth]


def every(*truths: Truth) -> Truth:
    """Kleene's *and*: one False decides, else one None leaves it open."""
    if False in truths:
        return False
    return None if None in truths else True


def agreed(*truths: Truth) -> Truth:
    """What the known ones agree on; one False contradicts, and None counts for nothing."""
    if False in truths:
        return False
    return True if True in truths else None


def _is(signal: str, wanted: str) -> Callable[[Signals], Truth]:
    def rule(view: Signals) -> Truth:
        word = view.word(signal)
        return None if word is None else word == wanted

    return rule


def _flag(signal: str) -> Callable[[Signals], Truth]:
    return lambda view: view.flag(signal)


def _at_least(signal: str, floor: float) -> Callable[[Signals], Truth]:
    def rule(view: Signals) -> Truth:
        number = view.number(signal)
        return None if number is None else number >= floor

    return rule


def _is_not_moving(view: Signals) -> Truth:
    speed = view.number("speed")
    return None if speed is None else speed == 0


_MODE_OFF = {"off": True, "ignition off": True}
_EVENT_OFF = {"ignition off": True, "ignition on": False, "crank": False, "accessory": False}
_MOVE_PARKED = {"parked": True, "forward": False, "reverse": False}


def _is_off(view: Signals) -> Truth:
    mode, event, move = view.word("system_power_mode"), view.word("ignition_status"), view.word("vehicle_move_status")
    off = agreed(None if mode is None else _MODE_OFF.get(mode, False), _EVENT_OFF.get(event or ""))
    not_moving = agreed(_is_not_moving(view), _MOVE_PARKED.get(move or ""))
    return every(off, not_moving)


def _not_in_reserve(view: Signals) -> Truth:
    if not view.has_tank:
        return True
    level = view.number("fuel_level")
    return None if level is None else level > view.fuel_reserve


def _starts_left(view: Signals) -> Truth:
    return None if view.starts is None else view.starts < 2


_TABLE = (
    Precondition(1, "The vehicle must not be moving.", ("speed",), _is_not_moving),
    Precondition(
        2,
        "The alert must have been activated by remote command.",
        ("remote_alert_active",),
        _flag("remote_alert_active"),
    ),
    Precondition(
        3,
        "The vehicle must be turned off.",
        ("system_power_mode", "ignition_status", "speed", "vehicle_move_status"),
        _is_off,
    ),
    Precondition(
        4, "The ignition must have been disabled by remote command.", ("ignition_disabled",), _flag("ignition_disabled")
    ),
    Precondition(5, "The hood must be closed.", ("hood_status",), _is("hood_status", "closed")),
    Precondition(6, "The fuel tank must not be in reserve.", ("fuel_level",), _not_in_reserve),
    Precondition(
        7, "The battery voltage must be adequate.", ("lv_battery_voltage",), _at_least("lv_battery_voltage", 11.8)
    ),
    Precondition(8, "The hazard lights must be off.", ("hazard_lights",), _is("hazard_lights", "off")),
    Precondition(9, "The transmission must be in Park.", ("transmission_gear",), _is("transmission_gear", "park")),
    Precondition(
        10, "No malfunction indicator light may be on.", ("malfunction_indicator",), _is("malfunction_indicator", "off")
    ),
    Precondition(
        11,
        "No more than two consecutive remote starts without a physical start.",
        ("consecutive_remote_starts",),
        _starts_left,
    ),
    Precondition(
        12,
        "The vehicle must have been started by remote command.",
        ("remote_start_active",),
        _flag("remote_start_active"),
    ),
    Precondition(
        13, "The vehicle must be reachable and connected.", ("reachable", "last_contact"), lambda view: view.reachable
    ),
)

PRECONDITIONS: dict[int, Precondition] = {precondition.number: precondition for precondition in _TABLE}
START_COUNT, REACHABLE = 11, 13


def precondition_not_met(numbers: Iterable[int]) -> str:
    """The sentences in ascending number, joined by one space."""
    sentences = (PRECONDITIONS[number].text for number in sorted(set(numbers)))
    return f"Precondition not met: {' '.join(sentences)}"
