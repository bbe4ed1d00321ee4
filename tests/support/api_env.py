"""A real server on a real socket, with a directory and a desk that live in memory."""

import asyncio
import json
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any, TypeVar

import uvloop

from keyturn.api.routes import build_app
from keyturn.api.server.server import Server
from keyturn.auth.principal import Principal
from keyturn.commands.admission.nonces import Nonce
from keyturn.commands.admission.requests import CommandRequest, PostAnswer
from keyturn.config.settings import LimitSettings, ServerSettings
from keyturn.errors import Refusal
from keyturn.telemetry.metrics import Metrics
from tests.api.caller import Caller
from tests.support.clients import x_signature
from tests.support.clock import ManualClock

T = TypeVar("T")

VIN = "6AHFT68CKAF501652"
SECRET = "sign-secret-of-the-rental"
COMMAND_ID = "0198b2df-1d68-7000-8760-cf36f06d00b5"
RECORD: dict[str, object] = {"id": COMMAND_ID, "vin": VIN, "command": "diagnostics", "status": "Pending", "detail": {}}


class MemoryAuthenticator:
    """Token ``right`` is the rental's, ``other`` a second application's, ``unsigned`` one without sign-secrets."""

    def __init__(self) -> None:
        self.principals = {
            "right": Principal("rental", "company", frozenset({"*"}), (SECRET.encode(),)),
            "other": Principal("workshop", "company", frozenset({"*"}), (SECRET.encode(),)),
            "unsigned": Principal("unsigned", "company", frozenset({"*"}), ()),
        }
        self.credentials = {("rental", "opened, sesame & more")}
        self.asked: list[str] = []
        self.hold: Callable[[], Awaitable[object]] | None = None

    async def authenticate(self, token: str) -> Principal | None:
        self.asked.append(token)
        if self.hold is not None:
            await self.hold()
        return self.principals.get(token)

    async def token(self, client_id: str, client_secret: str) -> str | None:
        assert "\x00" not in client_id, "no database would look for it"
        return "right" if (client_id, client_secret) in self.credentials else None


class MemoryCommandService:
    """Answers as scripted and keeps the requests."""

    def __init__(self) -> None:
        self.posted: list[CommandRequest] = []
        self.asked: list[tuple[str, str, float]] = []
        self.refused: list[tuple[str, str, str, str]] = []
        self.records = {("company", COMMAND_ID): RECORD}
        self.answer = PostAnswer(200, {"id": COMMAND_ID, "vin": VIN, "command": "diagnostics", "status": "Pending"})
        self.failure: Exception | None = None
        self.hold: Callable[[], Awaitable[object]] | None = None
        self.finished = threading.Event()

    async def submit(self, request: CommandRequest) -> PostAnswer:
        self.posted.append(request)
        assert "\x00" not in (request.vin + request.command).encode().decode(), "no database would keep it"
        if self.hold is not None:
            await self.hold()
        if self.failure is not None:
            raise self.failure
        self.finished.set()
        return self.answer

    async def get(self, company_id: str, command_id: str, wait: float) -> dict[str, object] | None:
        self.asked.append((company_id, command_id, wait))
        return self.records.get((company_id, command_id))

    async def is_consumed(self, nonce: Nonce) -> bool:
        return False

    async def record_refusal(self, principal: Principal, vin: str, command: str, refusal: Refusal) -> None:
        self.refused.append((principal.application_id, vin, command, refusal.detail))


class Problems:
    """A readiness check with the problems that the test sets."""

    def __init__(self) -> None:
        self.found: dict[str, str] = {}

    def ready(self) -> dict[str, str]:
        return self.found


class LoopThread:
    """The server's event loop, in a thread of its own."""

    def __init__(self) -> None:
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)

    def __enter__(self) -> "LoopThread":
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def begin(self, work: Coroutine[Any, Any, T]) -> "Future[T]":
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.begin(work).result(10)

    def latch(self) -> tuple[Callable[[], Awaitable[object]], Callable[[], object]]:
        """Something to wait for in the loop, and how to let it go from outside."""
        event = asyncio.Event()
        return event.wait, lambda: self._loop.call_soon_threadsafe(event.set)


class ApiEnv:
    """The HTTP server on a free port, with fakes of everything behind it."""

    def __init__(self, loop: LoopThread, server: ServerSettings, limits: LimitSettings, bench: bool) -> None:
        self.loop = loop
        self.clock = ManualClock(uptime=1_000.0)
        self.directory = MemoryAuthenticator()
        self.desk = MemoryCommandService()
        self.readiness = Problems()
        self.metrics = Metrics()
        self.server = Server(server, self.metrics, self.clock)
        self.app = build_app(
            directory=self.directory,
            desk=self.desk,
            readiness=self.readiness,
            metrics=self.metrics,
            clock=self.clock,
            server=server,
            limits=limits,
            token_life=3600,
            bench=bench,
        )
        self.port = loop.run(self.server.start(self.app, "127.0.0.1", 0))
        self.call = Caller(self.port)


@contextmanager
def open_api(
    server: ServerSettings | None = None, limits: LimitSettings | None = None, bench: bool = False
) -> Iterator[ApiEnv]:
    with LoopThread() as loop:
        env = ApiEnv(loop, server or ServerSettings(), limits or LimitSettings(), bench)
        try:
            yield env
        finally:
            loop.run(env.server.drain(0.0))


def wait_until(holds: Callable[[], object]) -> None:
    """Poll until something holds, for a bounded time."""
    patience = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < patience
        time.sleep(0.005)


def signature(vin: str, command: str, secret: str = SECRET) -> str:
    return x_signature(secret, vin, command)


def signed(command: str = "diagnostics", vin: str = VIN, token: str = "right", **more: str) -> dict[str, str]:
    """The headers of a right request."""
    return {"Authorization": f"Bearer {token}", "X-Signature": signature(vin, command), **more}


def body(command: object = "diagnostics", vin: object = VIN, **more: object) -> bytes:
    return json.dumps({"vin": vin, "command": command, **more}).encode()
