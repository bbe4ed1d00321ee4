"""Time that passes as slowly as the counted process runs, and a connection without a socket.

Under valgrind the processor is some fifty times as slow as in reality. Clocks and timers are slowed as much, so that a
batch of the store holds as many units as in reality, and what runs by the clock runs as often for each item.
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import Any, cast

import uvloop

from keyturn.clock import SECOND, SystemClock

Factory = Callable[[], asyncio.Protocol]


class SlowLoop(uvloop.Loop):
    """Its timers take `slower` times as long. `factories`: the protocols of its servers, in the order of listening."""

    def __init__(self, slower: float) -> None:
        super().__init__()
        self.factories: list[Factory] = []
        self._slower = slower

    def time(self) -> float:
        return super().time() / self._slower

    def call_later(  # type: ignore[override]  # plain types, as uvloop itself has
        self, delay: float, callback: Callable[..., object], *args: Any, context: Any = None
    ) -> Any:
        return super().call_later(delay * self._slower, callback, *args, context=context)

    async def create_server(self, protocol_factory: Any, *args: Any, **named: Any) -> Any:
        self.factories.append(protocol_factory)
        return await super().create_server(protocol_factory, *args, **named)


class SlowClock(SystemClock):
    """The machine's clocks, slowed from now on; as few steps as possible, because they are counted too."""

    def __init__(self, slower: float) -> None:
        self._pace = 1 / slower
        self._since = time.monotonic()
        self._wall, self._boot = super().now(), super().boottime()

    def now(self) -> int:
        return self._wall + int((time.monotonic() - self._since) * self._pace * SECOND)

    def monotonic(self) -> float:
        return (time.monotonic() - self._since) * self._pace

    def boottime(self) -> float:
        return self._boot + (time.monotonic() - self._since) * self._pace


class Wire:
    """A transport without a socket: sends a request, and the next one in the turn after its answer."""

    def __init__(self, factory: Factory, answered: Callable[[bytes], None]) -> None:
        self._protocol = factory()
        self._requests: Iterator[bytes] = iter(())
        self._answered = answered
        self._loop = asyncio.get_running_loop()
        self._protocol.connection_made(cast("asyncio.Transport", self))  # has what the server calls of one

    def send(self, requests: Iterator[bytes]) -> None:
        """Send these, one after the other."""
        self._requests = requests
        self._send()

    def write(self, data: bytes) -> None:
        if data.startswith(b"HTTP/1.1 "):
            self._loop.call_soon(self._send)
            self._answered(data)

    def get_extra_info(self, name: str, default: object = None) -> object:
        return ("127.0.0.1", 40_000) if name in ("peername", "sockname") else default

    def is_closing(self) -> bool:
        return False

    def set_write_buffer_limits(self, *_limits: object, **_named: object) -> None:
        """Nothing is buffered."""

    def get_write_buffer_size(self) -> int:
        return 0

    def pause_reading(self) -> None:
        """Nothing comes before it is asked for."""

    resume_reading = pause_reading

    def _send(self) -> None:
        if (request := next(self._requests, None)) is not None:
            self._protocol.data_received(request)
