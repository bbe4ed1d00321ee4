"""The gate before a command's first byte: it opens once, and only in time."""

import asyncio

from aiohttp import BytesPayload
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http import StreamWriter

from keyturn.connectors.toolkit import Deadline


class NotWrittenError(Exception):
    """The gate stayed shut and nothing was written; the message says why."""


class WriteOnceGuard:
    """One sending's leave to write to a socket."""

    def __init__(self, send_by: Deadline) -> None:
        self.send_by = send_by
        self.passed = False
        """True from the moment at which the far side may get the request."""
        self.reason: str | None = None
        """Why it is shut."""

    def shut(self, reason: str) -> None:
        """Nothing passes any more."""
        self.reason = self.reason or reason

    def enter(self, limit: asyncio.Timeout, timeout: float) -> None:
        """Pass, and give the answer `timeout` seconds from now. Raises `BarredError`."""
        if self.passed:
            raise NotWrittenError("it was written once already")
        if self.send_by.passed():
            self.shut("send_by passed before the first byte")
        if self.reason:
            raise NotWrittenError(self.reason)
        limit.reschedule(asyncio.get_running_loop().time() + timeout)
        self.passed = True


class OncePayload(BytesPayload):
    """A body that passes the gate before its first byte; aiohttp holds the headers back until the body is written.

    Whatever aiohttp would do with it a second time (a dropped PUT sent again, a redirect) finds the gate shut.
    """

    def __init__(self, body: bytes, gate: WriteOnceGuard, limit: asyncio.Timeout, timeout: float) -> None:
        super().__init__(body)
        self._gate = gate
        self._limit = limit
        self._timeout = timeout

    @property
    def consumed(self) -> bool:
        return self._gate.passed

    async def write_with_length(self, writer: AbstractStreamWriter, content_length: int | None) -> None:
        if isinstance(writer, StreamWriter) and (writer.transport is None or writer.transport.is_closing()):
            self._gate.shut("the connection was closed before the first byte")
        self._gate.enter(self._limit, self._timeout)
        await super().write_with_length(writer, content_length)
