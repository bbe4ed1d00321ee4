"""HTTP responses of the simulator, also the faulty ones: no response, a dropped connection."""

from collections.abc import Callable
from typing import TypeVar, cast

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from keyturn_simulator.errors import CloudError, invalid_request
from keyturn_simulator.journal import Journal

ABORT = "keyturn.abort"
Body = TypeVar("Body", bound=msgspec.Struct)


class AbortableProtocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol, which also lets the application abort the connection."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {ABORT: {"call": self.transport.abort}}


class HeldConnections:
    """Connections on which no response will be sent; `release` aborts them."""

    def __init__(self) -> None:
        self._held: set[Callable[[], None]] = set()
        self._released = False

    async def hold(self, scope: Scope, receive: Receive) -> None:
        """Returns when the connection is gone."""
        abort = cast("Callable[[], None]", scope["extensions"][ABORT]["call"])
        self._held.add(abort)
        if self._released:
            abort()
        while (await receive())["type"] != "http.disconnect":
            continue
        self._held.discard(abort)

    def release(self) -> None:
        self._released = True
        for abort in list(self._held):
            abort()


class Unanswered(Response):
    """Holds the connection open until the client gives up."""

    def __init__(self, held: HeldConnections) -> None:
        self._held = held

    async def __call__(self, scope: Scope, receive: Receive, _send: Send) -> None:
        await self._held.hold(scope, receive)


class Dropped(Unanswered):
    """Closes the connection instead of answering."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["extensions"][ABORT]["call"]()
        await super().__call__(scope, receive, send)


class Json(Response):
    media_type = "application/json"

    def render(self, content: object) -> bytes:
        return msgspec.json.encode(content)


def decoded(body: bytes, kind: type[Body]) -> Body:
    """A request's JSON body as a struct; raises `CloudError` 400 with the reason."""
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.DecodeError as error:
        raise invalid_request(f"{error}.") from error


class DurableResponses:
    """ASGI middleware: sends no response before the records that it may show are on disk."""

    def __init__(self, app: ASGIApp, journal: Journal) -> None:
        self._app = app
        self._journal = journal

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_durably(message: Message) -> None:
            if message["type"] == "http.response.start":
                await self._journal.durable()
            await send(message)

        await self._app(scope, receive, send_durably)


def error_response(_request: Request, error: Exception) -> Response:
    """Every error as `{"error": {"code", "message"}}`, the router's own included."""
    match error:
        case CloudError():
            headers = {"WWW-Authenticate": "Bearer"} if error.status == 401 else None
            return Json({"error": {"code": error.code, "message": error.message}}, error.status, headers)
        case HTTPException():
            code = error.detail.lower().replace(" ", "_")
            return Json({"error": {"code": code, "message": error.detail}}, error.status_code, error.headers)
    raise error
