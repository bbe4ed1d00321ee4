"""The API of an OEM's cloud without HTTP: commands, operations, state reads."""

import hashlib

import msgspec

from keyturn_simulator import errors
from keyturn_simulator.clock import micros
from keyturn_simulator.faults import FAULT_EFFECTS, Fault, FaultEffect
from keyturn_simulator.journal import Tried
from keyturn_simulator.operations import Operation
from keyturn_simulator.vehicles.commands import OFFERED
from keyturn_simulator.vehicles.fleet import ApiName, FleetVehicle, latency
from keyturn_simulator.vehicles.simulation import CANCELLED, Simulation
from keyturn_simulator.vehicles.vehicle import Report

PLAIN = FAULT_EFFECTS[Fault.NONE]


class CommandCall(msgspec.Struct, frozen=True, kw_only=True):
    """One command as a client sends it; `expires_at` and `idempotency_key` are None where they are not honoured."""

    vin: str
    command: str
    client_ref: str
    expires_at: int | None = None
    idempotency_key: str | None = None


class Cloud:
    """One of the two APIs, with its vehicles. Methods raise `CloudError` for what is unknown or not offered."""

    def __init__(self, simulation: Simulation, api: ApiName) -> None:
        self._simulation = simulation
        self._api = api

    def submit(self, call: CommandCall) -> tuple[Operation, FaultEffect]:
        """Takes a command; returns the operation, and the effect that the vehicle's fault has on the response."""
        now = self._simulation.settle()
        vehicle = self._vehicle(call.vin)
        if call.command not in OFFERED[self._api]:
            raise errors.command_not_found()
        known = self._known(call)
        if known is not None:
            return known, PLAIN
        effect = self._meet_fault(vehicle, call.client_ref)
        if effect.refuses_with is not None:
            raise errors.oem_failure(effect.refuses_with)
        operation = self._planned(vehicle, call, now)
        self._simulation.record(operation)
        return operation, effect

    def _known(self, call: CommandCall) -> Operation | None:
        if call.idempotency_key is None:
            return None
        known = self._simulation.memory.operations.by_key(call.idempotency_key)
        if known and (known.vin, known.command, known.client_ref) != (call.vin, call.command, call.client_ref):
            raise errors.idempotency_conflict()
        return known

    def _meet_fault(self, vehicle: FleetVehicle, client_ref: str) -> FaultEffect:
        effect = self._effect(vehicle)
        if self._simulation.memory.tries.get((vehicle.vin, client_ref), 0) >= effect.tries:
            return PLAIN
        self._simulation.record(Tried(vehicle.vin, client_ref))
        return effect

    def _effect(self, vehicle: FleetVehicle) -> FaultEffect:
        return FAULT_EFFECTS[self._simulation.condition(vehicle).fault]

    def _planned(self, vehicle: FleetVehicle, call: CommandCall, now: int) -> Operation:
        operations = self._simulation.memory.operations
        count = operations.count(vehicle.vin) + 1
        due_at = now + micros(self._delay(vehicle, call.command, count))
        return Operation(
            id=operation_id(self._simulation.memory.founded_at, vehicle.vin, count),
            number=len(operations) + 1,
            vin=vehicle.vin,
            command=call.command,
            client_ref=call.client_ref,
            accepted_at=now,
            due_at=due_at,
            acts_at=self._simulation.acts_at(vehicle, call.command, due_at),
            expires_at=call.expires_at,
            idempotency_key=call.idempotency_key,
        )

    def _delay(self, vehicle: FleetVehicle, command: str, count: int) -> float:
        settings = self._simulation.settings
        fault = self._simulation.condition(vehicle).fault
        if fault is Fault.SLOW:
            return settings.slow_seconds
        if fault is Fault.LATE:
            return settings.late_after
        return latency(vehicle.brand, self._simulation.memory.latency_median, settings.seed, vehicle.vin, count)

    def operation(self, operation_id: str) -> Operation:
        self._simulation.settle()
        operation = self._simulation.memory.operations.get(operation_id)
        if operation is None or self._simulation.fleet[operation.vin].api != self._api:
            raise errors.operation_not_found()
        return operation

    def look_up(self, client_ref: str) -> list[Operation]:
        """The operations sent with this client_ref, oldest first; none where the vehicle's look-up is off."""
        self._simulation.settle()
        found = [(self._simulation.fleet[o.vin], o) for o in self._simulation.memory.operations.by_ref(client_ref)]
        return [o for vehicle, o in found if vehicle.api == self._api and self._effect(vehicle).lookup]

    def cancel(self, operation_id: str) -> Operation:
        operation = self.operation(operation_id)
        if operation.status != "in_progress":
            raise errors.too_late_to_cancel()
        cancelled = operation.failed(CANCELLED, self._simulation.settle())
        self._simulation.record(cancelled)
        return cancelled

    def report(self, vin: str) -> Report:
        return self._simulation.report(self._vehicle(vin))

    def _vehicle(self, vin: str) -> FleetVehicle:
        vehicle = self._simulation.fleet.get(vin)
        if vehicle is None or vehicle.api != self._api:
            raise errors.vehicle_not_found()
        return vehicle


def operation_id(founded_at: int, vin: str, count: int) -> str:
    """Repeats with the same data, and never again after a reset."""
    return hashlib.blake2b(f"{founded_at}|{vin}|{count}".encode(), digest_size=12).hexdigest()
