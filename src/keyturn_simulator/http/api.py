"""HTTP routes of a simulated cloud."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from keyturn_simulator import errors
from keyturn_simulator.clock import instant
from keyturn_simulator.cloud import Cloud, CommandCall
from keyturn_simulator.faults import ResponseKind
from keyturn_simulator.http.access import Access
from keyturn_simulator.http.responses import Dropped, HeldConnections, Json, Unanswered, decoded
from keyturn_simulator.http.views import operation_view, report_view
from keyturn_simulator.operations import Operation
from keyturn_simulator.vehicles.fleet import ApiName
from keyturn_simulator.vehicles.simulation import Simulation

Endpoint = Callable[[Request], Awaitable[Response]]
IN_PROGRESS = "in_progress"


class CommandBody(msgspec.Struct, frozen=True):
    client_ref: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
    expires_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None


class CloudApi:
    """The routes of one API under `prefix`; all require a bearer token."""

    def __init__(
        self, simulation: Simulation, name: ApiName, prefix: str, access: Access, held: HeldConnections
    ) -> None:
        self._settings = simulation.settings
        self._journal = simulation.journal
        self._cloud = Cloud(simulation, name)
        self._prefix = prefix
        self._access = access
        self._held = held

    def routes(self) -> list[BaseRoute]:
        vehicle, operation = self._prefix + "/vehicles/{vin}", self._prefix + "/operations/{operation_id}"
        cancelling = [Route(operation, self._admitted(self.cancel), methods=["DELETE"])]
        return [
            Route(vehicle + "/commands/{command}", self._admitted(self.submit), methods=["POST"]),
            Route(vehicle + "/state", self._admitted(self.report), methods=["GET"]),
            Route(self._prefix + "/operations", self._admitted(self.look_up), methods=["GET"]),
            Route(operation, self._admitted(self.operation), methods=["GET"]),
            *(cancelling if self._settings.allow_cancel else []),
        ]

    def _admitted(self, endpoint: Endpoint) -> Endpoint:
        async def admitted(request: Request) -> Response:
            if not self._access.admits(request.headers.get("Authorization", "")):
                raise errors.unauthorized()
            return await endpoint(request)

        return admitted

    async def submit(self, request: Request) -> Response:
        operation, effect = self._cloud.submit(await self._call(request))
        # A client without a response must find the command registered.
        await self._journal.durable()
        return self._taken(effect.answer, operation, request)

    async def _call(self, request: Request) -> CommandCall:
        body = decoded(await request.body(), CommandBody)
        expires_at = instant(body.expires_at) if body.expires_at and self._settings.honour_expires_at else None
        key = request.headers.get("Idempotency-Key") if self._settings.honour_idempotency_key else None
        return CommandCall(
            vin=request.path_params["vin"],
            command=request.path_params["command"],
            client_ref=body.client_ref,
            expires_at=expires_at,
            idempotency_key=key,
        )

    def _taken(self, answer: ResponseKind, operation: Operation, request: Request) -> Response:
        match answer:
            case "operation":
                url = operation_view(operation, self._base(request))["url"]
                return Json({"operation": {"id": operation.id, "url": url, "status": IN_PROGRESS}}, 202)
            case "empty":
                return Json({"operation": {}}, 202)
            case "rubbish":
                return Response("<<< operation: ??? >>>", media_type="application/json")
            case "nothing":
                return Unanswered(self._held)
            case "drop":
                return Dropped(self._held)

    def _base(self, request: Request) -> str:
        return str(request.base_url).rstrip("/") + self._prefix

    async def operation(self, request: Request) -> Response:
        return self._shown(self._cloud.operation(request.path_params["operation_id"]), request)

    async def cancel(self, request: Request) -> Response:
        return self._shown(self._cloud.cancel(request.path_params["operation_id"]), request)

    def _shown(self, operation: Operation, request: Request) -> Response:
        return Json({"operation": operation_view(operation, self._base(request))})

    async def look_up(self, request: Request) -> Response:
        client_ref = request.query_params.get("client_ref")
        if not client_ref:
            raise errors.invalid_request("client_ref is missing.")
        found = self._cloud.look_up(client_ref)
        return Json({"operations": [operation_view(operation, self._base(request)) for operation in found]})

    async def report(self, request: Request) -> Response:
        vin = request.path_params["vin"]
        return Json(report_view(vin, self._cloud.report(vin)))
