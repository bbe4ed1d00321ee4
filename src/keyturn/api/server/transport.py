"""Write-buffering transport for responses."""

import asyncio
from collections.abc import Callable


class BufferedTransport(asyncio.Transport):
    """Joins what is written in one turn of the loop, so that head and body are one packet and one system call.

    How to close is decided by the connection: `close` calls `on_close`.
    """

    def __init__(
        self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop, on_close: Callable[[], None]
    ) -> None:
        super().__init__()
        self._transport = transport
        self._loop = loop
        self._on_close = on_close
        self._unsent: list[bytes | bytearray | memoryview] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send `data` at the end of this turn of the loop."""
        if not self._unsent:
            self._loop.call_soon(self.flush)
        self._unsent.append(data)

    def flush(self) -> None:
        """Send what was written so far; it is dropped where the connection is closing."""
        if self._unsent and not self._transport.is_closing():
            self._transport.write(b"".join(self._unsent))
        self._unsent.clear()

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def close(self) -> None:
        self._on_close()
