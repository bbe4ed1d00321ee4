"""Operations of the cloud by id, reference and key, and the ledger of what vehicles did."""

import heapq
from collections.abc import Iterator
from typing import Literal

import msgspec

from keyturn_simulator.vehicles.signals import Value
from keyturn_simulator.vehicles.vehicle import Refusal


class Operation(msgspec.Struct, frozen=True, kw_only=True, tag="operation"):
    """A command that the cloud has taken; instants are microseconds."""

    id: str
    number: int
    """Its place in the order of acceptance, over all vehicles."""
    vin: str
    command: str
    client_ref: str
    accepted_at: int
    due_at: int
    """When it would reach a vehicle in coverage."""
    acts_at: int | None
    """When it reaches the vehicle by the present coverage; None is never."""
    expires_at: int | None = None
    idempotency_key: str | None = None
    status: Literal["in_progress", "success", "failure"] = "in_progress"
    completed_at: int | None = None
    already_done: bool = False
    error: Refusal | None = None
    data: dict[str, Value] = {}

    @property
    def settles_at(self) -> int | None:
        """When the next thing happens to it: the vehicle acts, or it expires before that."""
        moments = [moment for moment in (self.acts_at, self.expires_at) if moment is not None]
        return min(moments, default=None) if self.status == "in_progress" else None

    def failed(self, error: Refusal, at: int) -> "Operation":
        return msgspec.structs.replace(self, status="failure", completed_at=at, error=error)


class Operations:
    """Every operation by id, client_ref, key and vehicle, and the order in which the open ones come due."""

    def __init__(self) -> None:
        self._by_id: dict[str, Operation] = {}
        self._by_ref: dict[str, list[str]] = {}
        self._by_key: dict[str, str] = {}
        self._open: dict[str, dict[str, None]] = {}
        self._counts: dict[str, int] = {}
        self._due: list[tuple[int, int, str]] = []

    def put(self, operation: Operation) -> None:
        if operation.id not in self._by_id:
            self._register(operation)
        self._by_id[operation.id] = operation
        if operation.status != "in_progress":
            self._open[operation.vin].pop(operation.id, None)
        elif operation.settles_at is not None:
            heapq.heappush(self._due, (operation.settles_at, operation.number, operation.id))

    def _register(self, operation: Operation) -> None:
        self._by_ref.setdefault(operation.client_ref, []).append(operation.id)
        self._open.setdefault(operation.vin, {})[operation.id] = None
        self._counts[operation.vin] = self.count(operation.vin) + 1
        if operation.idempotency_key is not None:
            self._by_key[operation.idempotency_key] = operation.id

    def get(self, operation_id: str) -> Operation | None:
        return self._by_id.get(operation_id)

    def by_ref(self, client_ref: str) -> list[Operation]:
        return [self._by_id[operation_id] for operation_id in self._by_ref.get(client_ref, ())]

    def by_key(self, idempotency_key: str) -> Operation | None:
        return self._by_id.get(self._by_key.get(idempotency_key, ""))

    def open_of(self, vin: str) -> list[Operation]:
        return [self._by_id[operation_id] for operation_id in self._open.get(vin, ())]

    def vins(self) -> set[str]:
        return set(self._counts)

    def count(self, vin: str) -> int:
        return self._counts.get(vin, 0)

    def __len__(self) -> int:
        return len(self._by_id)

    def settling(self, now: int) -> Iterator[Operation]:
        """The open operations to which something happens by `now`, in the order in which it happens."""
        while self._due and self._due[0][0] <= now:
            at, _, operation_id = heapq.heappop(self._due)
            operation = self._by_id[operation_id]
            if operation.settles_at == at:
                yield operation


class Actuation(msgspec.Struct, frozen=True, tag="actuation"):
    """A vehicle carried out an actuating or restoring command at `at`."""

    vin: str
    command: str
    client_ref: str
    at: int


class Ledger:
    """What really happened, in the order in which it happened."""

    def __init__(self) -> None:
        self._actuations: list[Actuation] = []
        self._by_vin: dict[str, list[Actuation]] = {}

    def add(self, actuation: Actuation) -> None:
        self._actuations.append(actuation)
        self._by_vin.setdefault(actuation.vin, []).append(actuation)

    def all(self) -> list[Actuation]:
        return self._actuations

    def of(self, vin: str) -> list[Actuation]:
        return self._by_vin.get(vin, [])
