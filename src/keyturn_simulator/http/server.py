"""The simulator's ASGI application: an OEM cloud, a tracker's relay under `/relay`, the ledger, the control API."""

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from keyturn_simulator.errors import CloudError
from keyturn_simulator.http.access import Access, TokenRequest
from keyturn_simulator.http.api import CloudApi
from keyturn_simulator.http.control import Control
from keyturn_simulator.http.responses import DurableResponses, HeldConnections, Json, error_response
from keyturn_simulator.vehicles.simulation import Simulation


class TokenEndpoint:
    """`POST /oauth/token`, client credentials grant; errors as in RFC 6749 section 5.2."""

    def __init__(self, access: Access, lifetime: float) -> None:
        self._access = access
        self._lifetime = lifetime

    async def __call__(self, request: Request) -> Response:
        asked = TokenRequest.parsed(await request.body(), request.headers.get("Authorization", ""))
        if not self._access.knows(asked):
            return Json({"error": "invalid_client"}, 401, {"WWW-Authenticate": "Basic"})
        if asked.grant_type != "client_credentials":
            return Json({"error": "unsupported_grant_type"}, 400)
        granted = {"access_token": self._access.issue(), "token_type": "Bearer", "expires_in": int(self._lifetime)}
        return Json(granted, headers={"Cache-Control": "no-store"})


def application(simulation: Simulation, held: HeldConnections) -> Starlette:
    access = Access(simulation.settings, simulation.clock)
    token_endpoint = TokenEndpoint(access, simulation.settings.token_lifetime)
    return Starlette(
        routes=[
            Route("/oauth/token", token_endpoint.__call__, methods=["POST"]),
            *CloudApi(simulation, "oem", "", access, held).routes(),
            *CloudApi(simulation, "relay", "/relay", access, held).routes(),
            *Control(simulation, access).routes(),
        ],
        middleware=[Middleware(DurableResponses, journal=simulation.journal)],
        exception_handlers={CloudError: error_response, HTTPException: error_response},
    )
