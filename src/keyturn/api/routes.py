"""Routes of the HTTP API in one list, with the health and metrics endpoints."""

from collections.abc import Iterable

from starlette.exceptions import HTTPException
from starlette.routing import Match, Route
from starlette.types import ASGIApp, Scope

from keyturn.api.client_address import ClientAddresses
from keyturn.api.middleware import Handler, RequestMiddleware
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

RouteRow = tuple[str, str, Handler]


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
    return RequestMiddleware(_Routes(rows).find, metrics, clock)


class _Routes:
    """Finds handlers, with and without a trailing slash. A path without parameters is one look-up."""

    def __init__(self, rows: Iterable[RouteRow]) -> None:
        handlers: dict[str, dict[str, Handler]] = {}
        for method, path, handler in rows:
            for slash in ("", "/"):
                handlers.setdefault(path + slash, {})[method] = handler
        found = [
            _Route(Route(path, _not_called, methods=[*by_method]), by_method) for path, by_method in handlers.items()
        ]
        self._plain = {each.route.path: each for each in found if not each.route.param_convertors}
        self._others = [each for each in found if each.route.param_convertors]

    def find(self, scope: Scope) -> Handler:
        """The handler. Raises `HTTPException` where no route has the path (404) or the method (405)."""
        found = self._plain.get(scope["path"]) or self._matching(scope)
        scope["route"] = found.route
        handler = found.handlers.get(scope["method"])
        if handler is None:
            raise HTTPException(405, headers={"Allow": ", ".join(sorted(found.handlers))})
        return handler

    def _matching(self, scope: Scope) -> "_Route":
        for each in self._others:
            match, parameters = each.route.matches(scope)
            if match is not Match.NONE:
                scope.update(parameters)
                return each
        raise HTTPException(404)


class _Route:
    """A path, and its handlers by method; HEAD is GET without the body."""

    def __init__(self, route: Route, handlers: dict[str, Handler]) -> None:
        self.route = route
        self.handlers = {"HEAD": handlers["GET"], **handlers} if "GET" in handlers else handlers


def _not_called() -> None:
    """Starlette's routes have an endpoint; here they only match."""
