"""The application: one middleware around a router, a request, an answer, and the metrics of both."""

import re
import secrets
import time
from collections.abc import Awaitable, Callable, Iterable

import msgspec
from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.routing import Route, Router
from starlette.types import Message, Receive, Scope, Send

_REQUEST_ID = re.compile(rb"[\x21-\x7e]{1,128}")
_REQUEST_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Clock:
    """The machine's own clocks."""

    def now(self) -> int:
        return time.time_ns() // 1000

    def monotonic(self) -> float:
        return time.monotonic()

    def boottime(self) -> float:
        return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class Refused(Exception):
    """A check failed: what is measured would not be what it should be."""


class Request:
    """One HTTP request. `headers` holds repeated fields joined by a comma (RFC 9110, 5.3)."""

    __slots__ = ("_receive", "headers", "id", "scope")

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self._receive = receive
        self.scope = scope
        self.headers = _joined_headers(scope["headers"])
        self.id = _request_id(self.headers)

    def text(self, name: bytes) -> str | None:
        """A header field as text, None when absent."""
        value = self.headers.get(name)
        return None if value is None else value.decode("latin-1")

    async def body(self, limit: int) -> bytes:
        """The whole body."""
        if int(self.headers.get(b"content-length", b"0")[:20]) > limit:
            raise Refused
        body, more = await self._part()
        while more and len(body) <= limit:
            part, more = await self._part()
            body += part
        if len(body) > limit:
            raise Refused
        return body

    async def _part(self) -> tuple[bytes, bool]:
        message = await self._receive()
        if message["type"] != "http.request":
            raise Refused
        return message["body"], message["more_body"]


def _joined_headers(fields: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    headers: dict[bytes, bytes] = {}
    for name, value in fields:
        headers[name] = headers[name] + b", " + value if name in headers else value
    return headers


def _request_id(headers: dict[bytes, bytes]) -> bytes:
    given = headers.get(b"x-request-id", b"")
    return given if _REQUEST_ID.fullmatch(given) else secrets.token_bytes(16).hex().encode()


class Answer(msgspec.Struct, frozen=True):
    """What is sent back."""

    status: int
    body: bytes = b""
    content_type: bytes = b"application/json"
    headers: list[tuple[bytes, bytes]] = []

    def fields(self) -> list[tuple[bytes, bytes]]:
        """Every header field of the answer."""
        if not self.content_type:
            return self.headers
        length = str(len(self.body)).encode()
        return [(b"content-type", self.content_type), (b"content-length", length), *self.headers]

    async def send(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status, "headers": self.fields()})
        await send({"type": "http.response.body", "body": self.body})


Handler = Callable[[Request], Awaitable[Answer]]


class Endpoint:
    """A handler as the ASGI application that a route serves."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        answer = await self._handler(scope["state"]["request"])
        await answer.send(send)


class Routes(Router):
    """Finds a path without parameters by a look-up."""

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


class Metrics:
    """Counts requests and their durations."""

    def __init__(self) -> None:
        registry = CollectorRegistry()
        self._requests = Counter("requests", "Answered.", ("route", "code"), registry=registry)
        self._durations = Histogram(
            "request_seconds", "Time to answer.", ("route",), registry=registry, buckets=_REQUEST_SECONDS
        )
        self._bound: dict[tuple[str, int], tuple[Counter, Histogram]] = {}

    def observe_request(self, route: str, code: int, seconds: float) -> None:
        bound = self._bound.get((route, code))
        if bound is None:
            bound = self._requests.labels(route, str(code)), self._durations.labels(route)
            self._bound[route, code] = bound
        requests, durations = bound
        requests.inc()
        durations.observe(seconds)


class Envelope:
    """The only middleware. Handlers find their `Request` in ``scope["state"]["request"]``."""

    def __init__(self, app: Router, metrics: Metrics, clock: Clock) -> None:
        self._app = app
        self._metrics = metrics
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = self._clock.monotonic()
        request = Request(scope, receive)
        scope["app"] = self
        scope["state"]["request"] = request
        if b"%" in scope["raw_path"]:
            scope["path"] = scope["raw_path"].decode("ascii")
        reply = _Reply(request, send)
        await self._app(scope, receive, reply.send)
        self._metrics.observe_request(_route(scope), reply.status, self._clock.monotonic() - began)


class _Reply:
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


def _route(scope: Scope) -> str:
    route = scope.get("route")
    return route.path if route is not None else "unmatched"
