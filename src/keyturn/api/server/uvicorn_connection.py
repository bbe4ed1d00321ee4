"""Adapter to uvicorn's HTTP/1.1 connection: the only module that imports uvicorn, whose internals are no public API.

`tests/api/test_uvicorn.py` lists every attribute that is used here, with the shape that it must have.
"""

import asyncio
import math

import httptools
from starlette.types import ASGIApp
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from keyturn.api.request import HeaderFields, joined_headers
from keyturn.errors import InvalidHttp

Incoming = RequestResponseCycle
"""A request that is being answered: ``scope["state"]["incoming"]``."""
ListenerConfig = Config
ListenerState = ServerState
"""What the connections of one listener share: themselves, their tasks, and the default headers of responses."""


def listener_config(app: ASGIApp, keep_alive: float) -> ListenerConfig:
    """The settings of a listener for `app`; `keep_alive` in seconds, rounded up to whole ones."""
    config = Config(
        app,
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        ws="none",
        lifespan="off",
        interface="asgi3",
        timeout_keep_alive=math.ceil(keep_alive),
    )
    config.load()
    return config


async def respond(incoming: Incoming, status: int, fields: HeaderFields, body: bytes) -> None:
    """Answer a request with a whole response: what uvicorn does for two ASGI messages, in one step.

    `fields` have the length of `body`, unless there is none. Where the request is not read to its end, the connection
    closes. Raises `ValueError` for a line break in a field.
    """
    if incoming.flow.write_paused and not incoming.disconnected:
        await incoming.flow.drain()
    if incoming.disconnected:
        return
    incoming.keep_alive = incoming.keep_alive and not incoming.more_body
    head = [name + b": " + value for name, value in (*incoming.default_headers, *fields)]
    if not incoming.keep_alive:
        head.append(b"connection: close")
    lines = b"\r\n".join(head)
    if lines.count(b"\n") >= len(head) or lines.count(b"\r") >= len(head):
        raise ValueError("a line break in a header field")
    incoming.response_started, incoming.waiting_for_100_continue = True, False
    shown = b"" if incoming.scope["method"] == "HEAD" else body
    incoming.transport.write(STATUS_LINE[status] + lines + b"\r\n\r\n" + shown)
    incoming.response_complete = True
    incoming.message_event.set()
    if not incoming.keep_alive:
        incoming.transport.close()
    incoming.on_response()


class UvicornConnection(HttpToolsProtocol):
    """One connection, with names for what uvicorn's attributes mean.

    A request for another protocol is served as if it did not ask (RFC 9110, 7.8): some clients always ask.
    """

    def __init__(self, config: ListenerConfig, state: ListenerState) -> None:
        super().__init__(config, state, app_state={})

    @property
    def is_responding(self) -> bool:
        """Whether the newest request is not answered completely yet."""
        return self.cycle is not None and not self.cycle.response_complete

    @property
    def waiting_requests(self) -> int:
        """Requests that wait for the response to an earlier one."""
        return len(self.pipeline)

    @property
    def asks_for_upgrade(self) -> bool:
        """Whether the request being parsed asks for another protocol."""
        return bool(self.parser.should_upgrade())

    @property
    def can_half_close(self) -> bool:
        """Whether the client may close its sending side alone; TLS has no half-closed state."""
        return self.scheme == "http"

    def received_headers(self) -> dict[bytes, bytes]:
        """Header fields of the newest request, by lower-case name."""
        return joined_headers(self.scope["headers"])

    def head_size(self) -> int:
        """Bytes of the head being parsed, without method and version."""
        return len(self.url) + sum(len(name) + len(value) + len(": \r\n") for name, value in self.headers)

    def parse(self, data: memoryview) -> None:
        """Parse all of it. Raises `HttpParserError`, with a refusal by a callback as its context, or `InvalidHttp`."""
        while data:
            try:
                self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as upgrade:
                data = data[upgrade.args[0] :]
            else:
                return
            head = self._head_without_upgrade()
            self.restart_parser()
            self.parser.feed_data(head)

    def restart_parser(self) -> None:
        """Parse what follows as the beginning of a request."""
        self.parser = httptools.HttpRequestParser(self)

    def dispatch_request(self, responses: asyncio.Transport) -> None:
        """Run the application, or queue the request behind earlier ones; its response is written to `responses`."""
        super().on_headers_complete()
        self.headers = []  # trailers must not pass for headers
        self.scope["state"]["incoming"] = self.cycle
        self.cycle.transport = responses

    def abandon_request(self) -> bool:
        """Drop the request whose body is being received; whether its response has begun."""
        if self.pipeline:
            self.pipeline.popleft()
            return False
        self.cycle.disconnected = True
        self.cycle.message_event.set()
        return self.cycle.response_started

    def abandon_waiting_requests(self) -> None:
        """Drop every request that waits for the response to an earlier one."""
        self.pipeline.clear()

    def close_after_response(self) -> None:
        """Serve no request after the newest one."""
        self.cycle.keep_alive = False

    def leave_listener(self) -> None:
        """Draining no longer waits for this connection."""
        self.connections.discard(self)

    def resume_reading(self) -> None:
        """Read on where a full pipeline or a large body paused it."""
        self.flow.resume_reading()

    def start_keep_alive_timer(self) -> None:
        """Close the connection unless a request begins in time."""
        self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)

    def stop_keep_alive_timer(self) -> None:
        """A request begins, or the connection ends."""
        self._unset_keepalive_if_required()

    def render(self, status: int, fields: HeaderFields, body: bytes) -> bytes:
        """A response as it is sent, with the listener's default headers first."""
        lines = (name + b": " + value + b"\r\n" for name, value in (*self.server_state.default_headers, *fields))
        return STATUS_LINE[status] + b"".join(lines) + b"\r\n" + body

    def _head_without_upgrade(self) -> bytes:
        """The head again, for a new parser. Raises `InvalidHttp`."""
        if self.parser.get_method() == b"CONNECT":
            raise InvalidHttp
        version = self.parser.get_http_version().encode()
        fields = [name + b": " + value + b"\r\n" for name, value in self.headers if name != b"upgrade"]
        return self.parser.get_method() + b" " + self.url + b" HTTP/" + version + b"\r\n" + b"".join(fields) + b"\r\n"
