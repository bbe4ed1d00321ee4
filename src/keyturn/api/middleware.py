"""ASGI middleware: request id, metrics, and the rendering of every error as a response."""

import asyncio

import structlog
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from keyturn.api.request import ClientGone, Request
from keyturn.api.responses import Response, error_response, refusal_response
from keyturn.clock import Clock
from keyturn.errors import InternalError, Refusal, ServiceUnavailable
from keyturn.store.port import StoreUnavailable
from keyturn.telemetry.metrics import Metrics


class RequestMiddleware:
    """The only middleware. Handlers find their `Request` in ``scope["state"]["request"]``."""

    def __init__(self, app: ASGIApp, metrics: Metrics, clock: Clock) -> None:
        self._app = app
        self._metrics = metrics
        self._clock = clock
        self._log = structlog.get_logger("keyturn.api")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = self._clock.monotonic()
        request = Request(scope, receive)
        scope["app"] = self
        scope["state"]["request"] = request
        if b"%" in scope["raw_path"]:
            scope["path"] = scope["raw_path"].decode("ascii")  # an escaped slash is no slash (RFC 3986, 2.2)
        response = _TrackedResponse(request, send)
        try:
            await self._app(scope, receive, response.send)
        except ClientGone:
            return
        except (Exception, asyncio.CancelledError) as error:
            if response.status:
                raise
            await self._error_response(error, request).send(response.send)
        finally:
            scope["state"].clear()  # it refers to the scope: what a request leaves would wait for the garbage collector
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


class _TrackedResponse:
    """Sends a response with the request's id, and remembers its status: 0 until it begins."""

    __slots__ = ("_request", "_send", "status")

    def __init__(self, request: Request, send: Send) -> None:
        self._request = request
        self._send = send
        self.status = 0

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [*message["headers"], (b"x-request-id", self._request.id)]
            if self._request.scope["state"]["incoming"].more_body:
                message["headers"].append((b"connection", b"close"))
        await self._send(message)


def _route_template(scope: Scope) -> str:
    """The path with parameters unfilled, so that ids never become label values of metrics."""
    route = scope.get("route")
    return route.path if route is not None else "unmatched"
