"""Routes without authentication: the ledger, and the control API for tests and integrators."""

from typing import Annotated, cast

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from keyturn_simulator import errors
from keyturn_simulator.clock import SECOND, rfc3339
from keyturn_simulator.faults import Fault
from keyturn_simulator.http.access import Access
from keyturn_simulator.http.responses import Json, decoded
from keyturn_simulator.http.views import ledger_view
from keyturn_simulator.vehicles.fleet import FleetVehicle
from keyturn_simulator.vehicles.signals import Value, settable
from keyturn_simulator.vehicles.simulation import Simulation, Traits

TRAITS = ("fault", "reachable", "evidence_age")
Seconds = Annotated[float, msgspec.Meta(ge=0, le=1_000_000_000)]


class Advance(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    advance: Seconds


class Latency(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    median: Seconds


class NewToken(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    token: Annotated[str, msgspec.Meta(min_length=1, max_length=4096)]


class VehicleChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Changes of one vehicle; what is left out stays."""

    signals: dict[str, Value] = {}
    reachable: bool | msgspec.UnsetType | None = msgspec.UNSET
    evidence_age: Seconds | msgspec.UnsetType = msgspec.UNSET
    fault: Fault | msgspec.UnsetType = msgspec.UNSET

    def traits(self) -> Traits:
        named = {name: getattr(self, name) for name in TRAITS}
        return cast("Traits", {name: value for name, value in named.items() if value is not msgspec.UNSET})


class Control:
    """Routes without authentication."""

    def __init__(self, simulation: Simulation, access: Access) -> None:
        self._simulation = simulation
        self._access = access

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/ledger", self.ledger, methods=["GET"]),
            Route("/vehicles/{vin}/ledger", self.vehicle_ledger, methods=["GET"]),
            Route("/control/clock", self.clock, methods=["GET"]),
            Route("/control/clock", self.advance, methods=["POST"]),
            Route("/control/latency", self.latency, methods=["POST"]),
            Route("/control/token", self.token, methods=["POST"]),
            Route("/control/vehicles/{vin}", self.vehicle, methods=["POST"]),
            Route("/control/reset", self.reset, methods=["POST"]),
        ]

    async def ledger(self, _request: Request) -> Response:
        self._simulation.settle()
        return Json(ledger_view(self._simulation.memory.ledger.all()))

    async def vehicle_ledger(self, request: Request) -> Response:
        vehicle = self._vehicle(request)
        self._simulation.settle()
        return Json(ledger_view(self._simulation.memory.ledger.of(vehicle.vin)))

    async def clock(self, _request: Request) -> Response:
        clock = self._simulation.clock
        return Json({"now": rfc3339(clock.now()), "offset": clock.offset / SECOND})

    async def advance(self, request: Request) -> Response:
        self._simulation.advance(decoded(await request.body(), Advance).advance)
        return await self.clock(request)

    async def latency(self, request: Request) -> Response:
        change = decoded(await request.body(), Latency)
        self._simulation.set_latency(change.median)
        return Json({"median": change.median})

    async def token(self, request: Request) -> Response:
        """Replaces the fixed token."""
        self._access.token = decoded(await request.body(), NewToken).token
        return Json({})

    async def vehicle(self, request: Request) -> Response:
        vehicle = self._vehicle(request)
        change = decoded(await request.body(), VehicleChange)
        wrong = sorted(name for name, value in change.signals.items() if not settable(name, value))
        if wrong:
            raise errors.invalid_request(f"Not a signal that can be set so: {', '.join(wrong)}.")
        condition = self._simulation.set_vehicle(vehicle, change.signals, change.traits())
        return Json({name: getattr(condition, name) for name in ("vin", *TRAITS)})

    async def reset(self, _request: Request) -> Response:
        self._simulation.reset()
        return Json({})

    def _vehicle(self, request: Request) -> FleetVehicle:
        vehicle = self._simulation.fleet.get(request.path_params["vin"])
        if vehicle is None:
            raise errors.vehicle_not_found()
        return vehicle
