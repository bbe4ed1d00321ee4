"""The connection: uvicorn's parser with bounds on size and time, and answers that leave as one packet."""

import asyncio
from collections.abc import Callable
from enum import Enum
from typing import NamedTuple

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState


class Phase(Enum):
    """Where the parser is in what the client sends."""

    BETWEEN = "between requests"
    HEAD = "in a request's head"
    BODY = "in a request's body"


class Bounds(NamedTuple):
    """How many bytes and seconds a phase may take."""

    size: int
    seconds: float


BOUNDS = {Phase.HEAD: Bounds(16_384, 10.0), Phase.BODY: Bounds(16_384 * 8, 10.0)}
MAX_CONNECTIONS = 10_000


class Outlet(asyncio.Transport):
    """Joins what is written in one turn of the loop, so that head and body are one packet and one system call."""

    def __init__(
        self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop, leave: Callable[[], None]
    ) -> None:
        super().__init__()
        self._transport = transport
        self._loop = loop
        self._leave = leave
        self._unsent: list[bytes | bytearray | memoryview] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if not self._unsent:
            self._loop.call_soon(self.flush)
        self._unsent.append(data)

    def flush(self) -> None:
        """Hand over what was written so far."""
        if self._unsent and not self._transport.is_closing():
            self._transport.write(b"".join(self._unsent))
        self._unsent.clear()

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def close(self) -> None:
        self._leave()


class EdgeProtocol(HttpToolsProtocol):
    """One connection. Each request's scope holds its uvicorn cycle as ``scope["state"]["incoming"]``."""

    def __init__(self, config: Config, state: ServerState) -> None:
        super().__init__(config, state, app_state={})
        self._bounds = BOUNDS
        self._phase = Phase.BETWEEN
        self._phase_size = 0
        self._read_size = 0
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # narrowed by uvicorn
        super().connection_made(transport)
        self._outlet = Outlet(transport, self.loop, self._leave)
        if len(self.connections) > MAX_CONNECTIONS:
            self._leave()
            return
        self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)

    def connection_lost(self, exc: Exception | None) -> None:
        self._enter(Phase.BETWEEN)
        self._unset_keepalive_if_required()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._read_size = len(data)
        self._phase_size += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError:
            self._leave()
            return
        self._watch()

    def on_message_begin(self) -> None:
        self._unset_keepalive_if_required()
        self._enter(Phase.HEAD)
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        bounds = self._bounds[Phase.HEAD]
        if (self._phase_size or self._read_size > bounds.size) and self._head_size() > bounds.size:
            raise ValueError("too large")
        if self.parser.should_upgrade():
            return
        super().on_headers_complete()
        self._enter(Phase.BODY)
        self.headers = []
        self.scope["state"]["incoming"] = self.cycle
        self.cycle.transport = self._outlet

    def on_body(self, body: bytes) -> None:
        self._phase_size -= len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        if self.parser.should_upgrade():
            return
        super().on_message_complete()
        self._enter(Phase.BETWEEN)

    def _enter(self, phase: Phase) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        self._phase = phase
        self._phase_size = 0

    def _head_size(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + len(": \r\n") for name, value in self.headers)

    def _watch(self) -> None:
        bounds = self._bounds.get(self._phase)
        if bounds is None:
            return
        if self._phase_size > bounds.size:
            self._leave()
        elif self._deadline is None:
            self._deadline = self.loop.call_later(bounds.seconds, self._leave)

    def _leave(self) -> None:
        self._outlet.flush()
        self._unset_keepalive_if_required()
        self.transport.close()
