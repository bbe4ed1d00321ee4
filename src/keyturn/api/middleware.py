"""The one way from a request to its response: request id, metrics, and the rendering of every error."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send

from keyturn.api.request import ClientGone, Request
from keyturn.api.responses import Response, error_response, refusal_response
from keyturn.api.server.uvicorn_connection import respond
from keyturn.clock import Clock
from keyturn.errors import InternalError, Refusal, ServiceUnavailable
from keyturn.store.port import StoreUnavailable
from keyturn.telemetry.metrics import Metrics

Handler = Callable[[Request], Awaitable[Response]]
Find = Callable[[Scope], Handler]
"""The handler of a request; leaves its route in ``scope["route"]``. Raises `HTTPException`."""


class RequestMiddleware:
    """The application. Handlers make responses; this sends them."""

    def __init__(self, find: Find, metrics: Metrics, clock: Clock) -> None:
        self._find = find
        self._metrics = metrics
        self._clock = clock
        self._log = structlog.get_logger("keyturn.api")

    async def __call__(self, scope: Scope, receive: Receive, _send: Send) -> None:
        began = self._clock.monotonic()
        incoming = scope["state"].pop("incoming")  # it refers to the scope; a circle would wait for a collection
        request = Request(scope, receive)
        if b"%" in scope["raw_path"]:
            scope["path"] = scope["raw_path"].decode("ascii")  # an escaped slash is no slash (RFC 3986, 2.2)
        try:
            response = await self._find(scope)(request)
        except ClientGone:
            return
        except (Exception, asyncio.CancelledError) as error:
            response = self._error_response(error, request)
        fields = [*response.fields(), (b"x-request-id", request.id)]
        await respond(incoming, response.status, fields, response.body)
        self._metrics.observe_request(_route_template(scope), response.status, self._clock.monotonic() - began)

    def _error_response(self, error: BaseException, request: Request) -> Response:
        match error:
            case Refusal():
                return refusal_response(error)
            case HTTPException():
                return error_response(error.status_code, error.detail, dict(error.headers or {}))
            case StoreUnavailable() | asyncio.CancelledError():
                return refusal_response(ServiceUnavailable(retry_after=1))
        path = _route_template(request.scope)
        self._log.error("request failed", request_id=request.id.decode(), path=path, exc_info=error)
        return refusal_response(InternalError())


def _route_template(scope: Scope) -> str:
    """The path with parameters unfilled, so that ids never become label values of metrics."""
    route = scope.get("route")
    return route.path if route is not None else "unmatched"
