"""An OEM's server on raw sockets; for each vehicle the test gives a coroutine that responds."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from tests.support.clock import eventually

HEADERS_END = b"\r\n\r\n"


class Seen(NamedTuple):
    """One whole request, as received."""

    method: str
    path: str
    head: str
    body: bytes
    connection: int
    """Number of the connection that it came on."""

    @property
    def is_command(self) -> bool:
        return "/commands/" in self.path


class Caller(NamedTuple):
    """The connection on which a request came."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    number: int
    """Of the connection."""

    async def say(self, raw: bytes) -> None:
        self.writer.write(raw)
        await self.writer.drain()

    async def until_gone(self) -> None:
        """Send nothing more until the client closes the connection."""
        await self.reader.read()


Behaviour = Callable[[Seen, Caller], Awaitable[bool | None]]
"""Answers a request; True: the connection goes on."""


def answer(status: int, document: object, *lines: str) -> bytes:
    """A well-formed answer, with further header lines."""
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    head = [f"HTTP/1.1 {status} Said", f"Content-Length: {len(body)}", *lines]
    return "\r\n".join(head).encode() + HEADERS_END + body


def saying(raw: bytes, *, then_close: bool = False) -> Behaviour:
    """The same bytes to every request."""

    async def say(_seen: Seen, caller: Caller) -> bool:
        await caller.say(raw)
        return not then_close

    return say


class HostileOem:
    """Serves on a free port of the loopback until the `async with` ends."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self.connections = 0
        self._behaviours: list[tuple[str, Behaviour]] = []
        self._callers: set[asyncio.Task[None]] = set()

    def behave(self, part: str, behaviour: Behaviour) -> None:
        """From now on `behaviour` responds to requests whose path holds `part`; the newest one takes precedence."""
        self._behaviours.insert(0, (part, behaviour))

    def about(self, part: str) -> list[Seen]:
        """The requests whose path holds `part`."""
        return [seen for seen in self.seen if part in seen.path]

    def commands(self, vin: str) -> list[Seen]:
        """Commands to the vehicle."""
        return [seen for seen in self.about(vin) if seen.is_command]

    async def until_about(self, part: str, count: int = 1) -> None:
        await eventually(lambda: len(self.about(part)) >= count, within=10.0)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def __aenter__(self) -> "HostileOem":
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_error: object) -> None:
        self._server.close()
        for caller in self._callers:
            caller.cancel()
        await asyncio.gather(*self._callers, return_exceptions=True)
        await self._server.wait_closed()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._callers.add(task)
        try:
            await self._serve(Caller(reader, writer, self.connections))
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._callers.discard(task)
            writer.close()

    async def _serve(self, caller: Caller) -> None:
        goes_on: bool | None = True
        while goes_on:
            seen = await self._read(caller)
            self.seen.append(seen)
            goes_on = await self._behaviour(seen)(seen, caller)

    def _behaviour(self, seen: Seen) -> Behaviour:
        named = (behaviour for part, behaviour in self._behaviours if part in seen.path)
        return next(named, saying(answer(404, {})))

    async def _read(self, caller: Caller) -> Seen:
        head = (await caller.reader.readuntil(HEADERS_END)).decode("latin-1")
        fields = dict(line.lower().split(": ", 1) for line in head.rstrip().split("\r\n")[1:])
        body = await caller.reader.readexactly(int(fields.get("content-length", "0")))
        method, path, _ = head.split(" ", 2)
        return Seen(method, path, head, body, caller.number)
