"""An OEM on a raw socket: it keeps every request that it read, and answers as the test scripts it."""

import asyncio
import json
import ssl
from collections.abc import Callable
from types import TracebackType
from typing import NamedTuple


class ReceivedRequest(NamedTuple):
    """One request, whole, as it came over the socket."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, object]:
        document: dict[str, object] = json.loads(self.body)
        return document


class Ending(NamedTuple):
    """What is written back, and what becomes of the connection then."""

    data: bytes = b""
    then: str = "keep"
    """keep, close, or hang: no more is written, and the connection stays open."""


Script = Callable[[ReceivedRequest], Ending]

DROP = Ending(then="close")
HANG = Ending(then="hang")


def answer(status: int, body: object = None, *, then: str = "keep", **headers: str) -> Ending:
    """An HTTP answer; a `str` or `bytes` body goes out as it is."""
    raw = body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} Said", f"Content-Length: {len(raw)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return Ending("\r\n".join([*lines, "", ""]).encode() + raw, then)


class Oem:
    """Serves on a free port of the loopback until the `async with` ends."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.seen: list[ReceivedRequest] = []
        self.connections = 0
        self.script: Script = lambda seen: answer(200, {})
        self._tls = tls
        self._writers: set[asyncio.StreamWriter] = set()
        self._news = asyncio.Event()

    def answer_with(self, *endings: Ending) -> None:
        """One ending for each request from now on; the last one for all that follow."""
        left = list(endings)
        self.script = lambda seen: left.pop(0) if len(left) > 1 else left[0]

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://localhost:{self.port}"

    def to(self, path: str) -> list[ReceivedRequest]:
        return [seen for seen in self.seen if seen.target.startswith(path)]

    async def until_seen(self, count: int) -> None:
        """Returns once `count` requests were read."""
        async with asyncio.timeout(10):
            while len(self.seen) < count:
                self._news.clear()
                await self._news.wait()

    async def __aenter__(self) -> "Oem":
        self._server = await asyncio.start_server(self._serve, "localhost", 0, ssl=self._tls)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def stop(self) -> None:
        """No more connections, and the open ones end."""
        self._server.close()
        for writer in list(self._writers):
            writer.close()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        try:
            while await self._answered(reader, writer):
                continue
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _answered(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        ending = self.script(await self._read(reader))
        writer.write(ending.data)
        await writer.drain()
        if ending.then == "hang":
            await reader.read()
        return ending.then == "keep"

    async def _read(self, reader: asyncio.StreamReader) -> ReceivedRequest:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        first, *lines = head.rstrip().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        method, target, _ = first.split(" ")
        self.seen.append(ReceivedRequest(method, target, headers, body))
        self._news.set()
        return self.seen[-1]
