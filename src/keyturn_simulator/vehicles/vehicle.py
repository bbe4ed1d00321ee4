"""How a vehicle answers a command, and what its cloud reports of it."""

import msgspec

from keyturn_simulator.clock import SECOND, micros
from keyturn_simulator.faults import Fault
from keyturn_simulator.vehicles import behaviour
from keyturn_simulator.vehicles.commands import COMMANDS, Effect
from keyturn_simulator.vehicles.fleet import FleetVehicle
from keyturn_simulator.vehicles.preconditions import PRECONDITIONS, Values
from keyturn_simulator.vehicles.signals import Signal, Value
from keyturn_simulator.vehicles.state import Condition, World, state

AWAKE_AFTER_COMMAND = 600 * SECOND


class Report(msgspec.Struct, frozen=True):
    """A state read: the signals as they were at `as_of`, which is also the last contact."""

    reachable: bool | None
    as_of: int
    signals: dict[str, Signal]


class Refusal(msgspec.Struct, frozen=True):
    code: str
    message: str


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """The vehicle's answer; `actuated` is what the ledger counts."""

    refusal: Refusal | None = None
    already_done: bool = False
    actuated: bool = False
    effects: tuple[Effect, ...] = ()
    data: dict[str, Value] = {}


IMMOBILISED = Refusal("immobilised", "The ignition is disabled.")


def execute(vehicle: FleetVehicle, fault: Fault, command: str, values: Values, remote_start_seconds: float) -> Outcome:
    """What the vehicle does with a command; `values` are its signals' values, `start_pending` and `reachable`."""
    definition = COMMANDS[command]
    if vehicle.api == "oem" and command == "disable_ignition" and values["ignition_disabled"] is True:
        return Outcome(already_done=True)
    refusal = first_refusal(vehicle, command, values)
    if refusal is not None:
        return Outcome(refusal=refusal)
    if definition.effects is None:
        return Outcome(data={name: values[name] for name in definition.returns})
    if fault is Fault.LIAR:
        return Outcome()
    return Outcome(actuated=True, effects=definition.effects(values, remote_start_seconds))


def first_refusal(vehicle: FleetVehicle, command: str, values: Values) -> Refusal | None:
    """The first reason against; a relay knows no reason but that a blocked engine cannot be started."""
    if command == "start" and values["ignition_disabled"] is True:
        return IMMOBILISED
    if vehicle.api == "relay":
        return None
    broken = (
        rule for rule in map(PRECONDITIONS.__getitem__, COMMANDS[command].preconditions) if not rule.holds(values)
    )
    return next((Refusal(rule.code, rule.message) for rule in broken), None)


def contact(vehicle: FleetVehicle, condition: Condition, world: World, at: int) -> tuple[bool | None, int]:
    """Whether the cloud reports the vehicle as reachable, and the time of the last contact."""
    if condition.evidence_age:
        return condition.reachable, at - micros(condition.evidence_age)
    if condition.reachable is False:
        return False, condition.contacted_at
    if not (vehicle.ordinary and world.lively):
        return condition.reachable, at
    covered, contacted_at = behaviour.last_contact(behaviour.routine_of(world.seed, vehicle.vin), at)
    awake_until = condition.contacted_at + AWAKE_AFTER_COMMAND
    return (condition.reachable, max(contacted_at, min(at, awake_until))) if covered else (False, contacted_at)


def report(vehicle: FleetVehicle, condition: Condition, world: World, now: int) -> Report:
    reachable, as_of = contact(vehicle, condition, world, now)
    return Report(reachable, as_of, state(vehicle, condition, world, as_of))


def acts_at(vehicle: FleetVehicle, condition: Condition, world: World, command: str, due_at: int) -> int | None:
    """When a command due at `due_at` is decided; None is never, by the present coverage.

    A vehicle out of coverage gets it on its return, but an OEM's cloud refuses at once what must not lie in wait.
    """
    if condition.fault is Fault.SILENT:
        return None
    refused_at_once = vehicle.api == "oem" and not COMMANDS[command].waits_for_coverage
    return due_at if refused_at_once else covered_from(vehicle, condition, world, due_at)


def covered_from(vehicle: FleetVehicle, condition: Condition, world: World, at: int) -> int | None:
    """The first instant from `at` on at which the vehicle is in coverage."""
    if condition.reachable is False:
        return None
    if not (vehicle.ordinary and world.lively):
        return at
    routine = behaviour.routine_of(world.seed, vehicle.vin)
    gap = behaviour.coverage_gap(routine, behaviour.trip_at(routine, at))
    return gap[1] if gap is not None and gap[0] <= at < gap[1] else at
