"""Routes of the HTTP API in one list, with the health and metrics endpoints."""

from collections.abc import Awaitable, Callable, Iterable

from starlette.routing import Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from keyturn.api.client_address import ClientAddresses
from keyturn.api.middleware import RequestMiddleware
from keyturn.api.ports import Authenticator, CommandService, Health
from keyturn.api.rate_limits import FailedAttempts
from keyturn.api.request import Request
from keyturn.api.request_guard import RequestGuard
from keyturn.api.responses import Response, json_response
from keyturn.api.token import TokenEndpoint
from keyturn.api.vehicle_command import VehicleCommands
from keyturn.clock import Clock
from keyturn.config.settings import LimitSettings, ServerSettings
from keyturn.telemetry.metrics import CONTENT_TYPE, Metrics

Handler = Callable[[Request], Awaitable[Response]]
RouteRow = tuple[str, str, Handler]


class Endpoint:
    """ASGI application of one route: calls the handler and sends its response."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        response = await self._handler(scope["state"]["request"])
        await response.send(send)


async def healthz(_request: Request) -> Response:
    """`/healthz`: 200 while the process serves requests."""
    return json_response(200, {"status": "ok"})


class ReadinessEndpoint:
    """`/readyz`: 200 while this node is ready, else 503 with its problems by name."""

    def __init__(self, readiness: Health) -> None:
        self._readiness = readiness

    async def get(self, _request: Request) -> Response:
        problems = self._readiness.ready()
        if problems:
            return json_response(503, {"detail": "Not ready.", "problems": problems})
        return json_response(200, {"status": "ready"})


class MetricsEndpoint:
    """`/metrics`: in Prometheus' text format."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    async def get(self, _request: Request) -> Response:
        return Response(200, self._metrics.render(), CONTENT_TYPE.encode())


_ALL_CLIENT_IDS = 10
"""Factor: the limit of failures at `/token` of one address over all client ids, in those of one client id."""


def build_app(
    *,
    directory: Authenticator,
    desk: CommandService,
    readiness: Health,
    metrics: Metrics,
    clock: Clock,
    server: ServerSettings,
    limits: LimitSettings,
    token_life: int,
    bench: bool = False,
) -> ASGIApp:
    """The public application. `token_life` in seconds; `bench` adds a no-op route as the baseline of a benchmark."""
    addresses = ClientAddresses(server.trusted_proxies)
    gate = RequestGuard(directory, desk, addresses, limits, clock)
    commands = VehicleCommands(gate, desk, server.body_limit)
    attempts = FailedAttempts(limits.failed_attempts_per_minute, clock)
    attempts_of_address = FailedAttempts(_ALL_CLIENT_IDS * limits.failed_attempts_per_minute, clock)
    tokens = TokenEndpoint(directory, addresses, attempts, attempts_of_address, token_life, server.body_limit)
    rows: list[RouteRow] = [
        ("POST", "/vehicle-command", commands.post),
        ("GET", "/vehicle-command/{command_id}", commands.get),
        ("POST", "/token", tokens.post),
        ("GET", "/healthz", healthz),
        ("GET", "/readyz", ReadinessEndpoint(readiness).get),
    ]
    if not server.metrics_host:
        rows.append(("GET", "/metrics", MetricsEndpoint(metrics).get))
    if bench:
        rows.append(("POST", "/bench/noop", commands.noop))
    return _application(rows, metrics, clock)


def build_metrics_app(metrics: Metrics, clock: Clock) -> ASGIApp:
    """`/metrics` alone, for a listener of its own."""
    return _application([("GET", "/metrics", MetricsEndpoint(metrics).get)], metrics, clock)


def _application(rows: Iterable[RouteRow], metrics: Metrics, clock: Clock) -> ASGIApp:
    routes = [route for row in rows for route in _with_and_without_slash(*row)]
    return RequestMiddleware(_PathRouter(routes), metrics, clock)


def _with_and_without_slash(method: str, path: str, handler: Handler) -> list[Route]:
    """The route with and without a trailing slash."""
    return [Route(path + slash, Endpoint(handler), methods=[method]) for slash in ("", "/")]


class _PathRouter(Router):
    """Looks up a path without parameters in a dictionary; Starlette would try one pattern after the other."""

    def __init__(self, routes: list[Route]) -> None:
        super().__init__(routes, redirect_slashes=False)
        self._plain = {route.path: route for route in routes if not route.param_convertors}

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        route = self._plain.get(scope["path"])
        if route is None:
            await super().app(scope, receive, send)
            return
        scope["route"] = route
        await route.handle(scope, receive, send)
