"""A vehicle's true state at an instant: its routine, and over it the effects of commands."""

from collections.abc import Mapping

import msgspec

from keyturn_simulator.clock import SECOND, micros
from keyturn_simulator.faults import Fault
from keyturn_simulator.vehicles import behaviour
from keyturn_simulator.vehicles.commands import Change, Effect
from keyturn_simulator.vehicles.fleet import FleetVehicle
from keyturn_simulator.vehicles.signals import (
    FUEL_SIGNALS,
    PARKED,
    Signal,
    Step,
    Steps,
    Timelines,
    Value,
    after,
    current,
    ended,
)

SETTLED_BEFORE = 12 * 3600 * SECOND
LOOP_KM = 25.0


class World(msgspec.Struct, frozen=True):
    """What every vehicle depends on besides commands; `founded_at` is when the simulation's data began."""

    seed: int
    founded_at: int
    lively: bool


class Condition(msgspec.Struct, frozen=True, tag="vehicle"):
    """What commands and the control API changed on one vehicle; `contacted_at` is when it last did something."""

    vin: str
    fault: Fault
    reachable: bool | None
    evidence_age: float
    timelines: Timelines = {}
    contacted_at: int = 0


def initial_condition(vehicle: FleetVehicle) -> Condition:
    return Condition(vehicle.vin, vehicle.fault, vehicle.reachable, vehicle.evidence_age)


def state(vehicle: FleetVehicle, condition: Condition, world: World, at: int) -> dict[str, Signal]:
    """Every signal's true value at `at`: the newer of the vehicle's routine and the effects of commands."""
    disabled = condition.timelines.get("ignition_disabled", ())
    signals = (
        routine_signals(vehicle, disabled, world, at)
        if vehicle.ordinary and world.lively
        else fixed_signals(vehicle, world, at)
    )
    signals |= {name: current(steps, signals[name], at) for name, steps in condition.timelines.items()}
    return signals | fuel(vehicle, signals)


def fixed_signals(vehicle: FleetVehicle, world: World, at: int) -> dict[str, Signal]:
    """A fixed behaviour, unchanged since half a day before founding; one that moves runs on around its loop."""
    settled_at = min(at, world.founded_at - SETTLED_BEFORE)
    speed = vehicle.signals.get("speed")
    kilometres = speed * (at - settled_at) / behaviour.HOUR if isinstance(speed, float) else 0.0
    place = behaviour.position(vehicle.vin, LOOP_KM, kilometres / LOOP_KM)
    place["odometer"] = round(18250.0 + kilometres, 1)
    settled = behaviour.signals({**PARKED, **vehicle.signals}, settled_at)
    return settled | behaviour.signals(place, at if kilometres else settled_at)


def routine_signals(vehicle: FleetVehicle, disabled: Steps, world: World, at: int) -> dict[str, Signal]:
    routine = behaviour.routine_of(world.seed, vehicle.vin)
    return behaviour.daily_signals(routine, routine_time(routine, disabled, at))


def routine_time(routine: behaviour.Routine, disabled: Steps, at: int) -> int:
    """`at`, or the last instant of the vehicle's own day before its disabled ignition kept it from leaving again."""
    holding = current(disabled, Signal(False, behaviour.ROUTINES_BEGIN), behaviour.trip_at(routine, at).left_at)
    if holding.value is not True:
        return at
    stopped_at = routine_time(routine, disabled, holding.observed_at)
    return max(stopped_at, behaviour.trip_at(routine, stopped_at).back_at)


def fuel(vehicle: FleetVehicle, signals: Mapping[str, Signal]) -> dict[str, Signal]:
    """The fuel signals that follow from others; an electric vehicle has none."""
    if vehicle.powertrain == "electric":
        return {name: Signal(None, signals[name].observed_at) for name in FUEL_SIGNALS}
    level, capacity, economy, odometer = (
        float(signals[name].value or 0) for name in ("fuel_level", "fuel_capacity", "total_fuel_economy", "odometer")
    )
    amount = level * capacity / 100
    derived: dict[str, Value] = {"fuel_amount": round(amount, 1), "fuel_range": round(amount * economy, 1)}
    used: dict[str, Value] = {"total_fuel_used": round(odometer / economy, 1) if economy else None}
    of_odometer = behaviour.signals(used, signals["odometer"].observed_at)
    return behaviour.signals(derived, signals["fuel_level"].observed_at) | of_odometer


def after_command(
    condition: Condition, signals: Mapping[str, Signal], effects: tuple[Effect, ...], at: int
) -> Condition:
    """The condition after a command acted at `at` on a vehicle whose state was `signals`."""
    timelines = dict(condition.timelines)
    for effect in effects:
        steps = timelines.get(effect.signal, ())
        if not isinstance(effect, Change):
            timelines[effect.signal] = ended(steps, at)
        elif effect.lasts is not None:
            timelines[effect.signal] = after(steps, Step(at, effect.value, at + micros(effect.lasts)))
        elif effect.value != signals[effect.signal].value:
            timelines[effect.signal] = after(steps, Step(at, effect.value))
    return msgspec.structs.replace(condition, timelines=timelines, contacted_at=at)
