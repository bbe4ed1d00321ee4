"""The vehicles over time: whatever is due takes effect, in order and at its own instant, before anything is read."""

from collections.abc import Iterator, Mapping
from typing import TypedDict

from msgspec.structs import replace

from keyturn_simulator.clock import SimulatorClock
from keyturn_simulator.faults import Fault
from keyturn_simulator.journal import ClockMoved, Founded, Journal, JournalError, LatencySet, Record
from keyturn_simulator.memory import Memory
from keyturn_simulator.operations import Actuation, Operation
from keyturn_simulator.settings import SimulatorSettings
from keyturn_simulator.vehicles.commands import Change
from keyturn_simulator.vehicles.fleet import FleetVehicle, fleet_vins
from keyturn_simulator.vehicles.preconditions import Values
from keyturn_simulator.vehicles.signals import Signal, Value
from keyturn_simulator.vehicles.state import Condition, World, after_command, initial_condition, state
from keyturn_simulator.vehicles.vehicle import Outcome, Refusal, Report, acts_at, contact, covered_from, execute, report

CANCELLED = Refusal("cancelled", "Cancelled before the vehicle got it.")
EXPIRED = Refusal("expired", "Expired before the vehicle got it.")


class Traits(TypedDict, total=False):
    """Changeable parts of a vehicle's behaviour; what is left out stays."""

    fault: Fault
    reachable: bool | None
    evidence_age: float


class Simulation:
    """Synchronous and in memory; the changes of a method are in the journal's queue when it returns."""

    def __init__(self, settings: SimulatorSettings, clock: SimulatorClock, journal: Journal) -> None:
        self.settings = settings
        self.fleet = {vehicle.vin: vehicle for vehicle in fleet_vins(settings.vehicles)}
        self.clock = clock
        self.journal = journal
        self.memory = self._remembered()
        self.clock.offset = max(self.clock.offset, self.memory.clock_offset)

    def _remembered(self) -> Memory:
        records = self.journal.load()
        founded = Founded(self.clock.now(), self.settings.latency_median)
        memory = Memory(founded)
        for record in records:
            memory.apply(record)
        strangers = memory.vins() - self.fleet.keys()
        if strangers:
            raise JournalError(f"the journal knows {min(strangers)}, which this fleet of {len(self.fleet)} has not")
        if not records:
            self.journal.append(founded)
        return memory

    def record(self, *records: Record) -> None:
        """Takes the records of one event into memory, and into the journal as one line."""
        self.journal.append(*records)
        for record in records:
            self.memory.apply(record)

    @property
    def world(self) -> World:
        return World(self.settings.seed, self.memory.founded_at, self.settings.lively)

    def condition(self, vehicle: FleetVehicle) -> Condition:
        return self.memory.conditions.get(vehicle.vin) or initial_condition(vehicle)

    def settle(self) -> int:
        """Applies everything that is due by now, and returns the time."""
        now = self.clock.now()
        for operation in self.memory.operations.settling(now):
            at = operation.settles_at or now
            if operation.acts_at == at:
                self._act(operation, at)
            else:
                self.record(operation.failed(EXPIRED, at))
        return now

    def _act(self, operation: Operation, at: int) -> None:
        vehicle = self.fleet[operation.vin]
        condition = self.condition(vehicle)
        signals = state(vehicle, condition, self.world, at)
        pending = self._starts_to_cancel(operation)
        values = self._values(vehicle, signals, bool(pending), at)
        outcome = execute(vehicle, condition.fault, operation.command, values, self.settings.remote_start_seconds)
        changed = after_command(condition, signals, outcome.effects, at)
        self.record(*finished(operation, outcome, at), changed, *(start.failed(CANCELLED, at) for start in pending))

    def _starts_to_cancel(self, operation: Operation) -> list[Operation]:
        if operation.command != "cancel_start":
            return []
        return [other for other in self.memory.operations.open_of(operation.vin) if other.command == "start"]

    def _values(self, vehicle: FleetVehicle, signals: dict[str, Signal], start_pending: bool, at: int) -> Values:
        values: dict[str, Value] = {name: signal.value for name, signal in signals.items()}
        covered = covered_from(vehicle, self.condition(vehicle), self.world, at) == at
        return values | {"start_pending": start_pending, "reachable": covered}

    def acts_at(self, vehicle: FleetVehicle, command: str, due_at: int) -> int | None:
        return acts_at(vehicle, self.condition(vehicle), self.world, command, due_at)

    def report(self, vehicle: FleetVehicle) -> Report:
        now = self.settle()
        return report(vehicle, self.condition(vehicle), self.world, now)

    def set_vehicle(self, vehicle: FleetVehicle, signals: Mapping[str, Value], traits: Traits) -> Condition:
        """Changes a vehicle by the control API; signals are set as if its last report had brought them."""
        now = self.settle()
        condition = replace(self.condition(vehicle), contacted_at=now, **traits)
        as_of = contact(vehicle, condition, self.world, now)[1]
        changes = tuple(Change(name, value) for name, value in signals.items())
        before = state(vehicle, condition, self.world, as_of)
        self.record(after_command(condition, before, changes, as_of))
        for operation in self.memory.operations.open_of(vehicle.vin):
            due_at = max(now, operation.due_at)
            self.record(replace(operation, acts_at=self.acts_at(vehicle, operation.command, due_at)))
        return condition

    def advance(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.record(ClockMoved(self.clock.offset))

    def set_latency(self, median: float) -> None:
        self.settle()
        self.record(LatencySet(median))

    def reset(self) -> None:
        """Fresh data from now on; the clock stays where it is."""
        founded = Founded(self.clock.now(), self.settings.latency_median)
        self.record(founded, ClockMoved(self.clock.offset))


def finished(operation: Operation, outcome: Outcome, at: int) -> Iterator[Record]:
    if outcome.refusal is not None:
        yield operation.failed(outcome.refusal, at)
        return
    yield replace(operation, status="success", completed_at=at, already_done=outcome.already_done, data=outcome.data)
    if outcome.actuated:
        yield Actuation(operation.vin, operation.command, operation.client_ref, at)
