"""A forward proxy on loopback: CONNECT for https, absolute URLs for http, and an optional password."""

import asyncio
from base64 import b64encode
from types import TracebackType
from urllib.parse import urlsplit


class Proxy:
    """Serves until the `async with` ends; `asked` are the first lines of what it was asked. `user`: user:password."""

    def __init__(self, user: str = "") -> None:
        self.asked: list[str] = []
        self._wanted = f"Basic {b64encode(user.encode()).decode()}" if user else ""
        self._works: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    async def __aenter__(self) -> "Proxy":
        self._server = await asyncio.start_server(self._serve, "localhost", 0)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for work in list(self._works):
            work.cancel()
        await asyncio.gather(*self._works, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        work = asyncio.current_task()
        assert work is not None
        self._works.add(work)
        try:
            await self._forwarded(reader, writer)
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            self._works.discard(work)
            writer.close()

    async def _forwarded(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        first, *lines = head.rstrip().split("\r\n")
        self.asked.append(first)
        fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        if self._wanted and fields.get("proxy-authorization") != self._wanted:
            writer.write(b"HTTP/1.1 407 Who are you\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            return
        method, address, version = first.split(" ")
        url = urlsplit(f"//{address}" if method == "CONNECT" else address)
        there, out = await asyncio.open_connection(url.hostname, url.port)
        if method == "CONNECT":
            writer.write(b"HTTP/1.1 200 Connected\r\n\r\n")
        else:
            kept = [line for line in lines if not line.lower().startswith("proxy-")]
            target = f"{url.path}?{url.query}" if url.query else url.path
            out.write("\r\n".join([f"{method} {target} {version}", *kept, "", ""]).encode())
        await asyncio.gather(_pumped(reader, out), _pumped(there, writer))


async def _pumped(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65_536):
        writer.write(data)
        await writer.drain()
    writer.close()
