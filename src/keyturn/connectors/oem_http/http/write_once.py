"""Lets a command's first byte leave once, and only before `send_by`."""

import asyncio

from aiohttp import BytesPayload
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http import StreamWriter

from keyturn.connectors.toolkit import Deadline


class NotWrittenError(Exception):
    """Nothing was written; the message says why."""


class WriteOnceGuard:
    """Permits one write of one command."""

    def __init__(self, send_by: Deadline) -> None:
        self.send_by = send_by
        self.passed = False
        """True from the moment at which the OEM may get the request."""
        self.reason: str | None = None
        """Why nothing may be written any more; None: it may."""

    def forbid(self, reason: str) -> None:
        """Forbid writing from now on."""
        self.reason = self.reason or reason

    def permit(self, limit: asyncio.Timeout, timeout: float) -> None:
        """Permit the write, and give the response `timeout` seconds from now. Raises `BarredError`."""
        if self.passed:
            raise NotWrittenError("it was written once already")
        if self.send_by.passed():
            self.forbid("send_by passed before the first byte")
        if self.reason:
            raise NotWrittenError(self.reason)
        limit.reschedule(asyncio.get_running_loop().time() + timeout)
        self.passed = True


class OncePayload(BytesPayload):
    """A body that asks the guard before its first byte; aiohttp sends the headers together with the body.

    A second write by aiohttp (a dropped PUT sent again, a redirect) is refused.
    """

    def __init__(self, body: bytes, guard: WriteOnceGuard, limit: asyncio.Timeout, timeout: float) -> None:
        super().__init__(body)
        self._guard = guard
        self._limit = limit
        self._timeout = timeout

    @property
    def consumed(self) -> bool:
        return self._guard.passed

    async def write_with_length(self, writer: AbstractStreamWriter, content_length: int | None) -> None:
        if isinstance(writer, StreamWriter) and (writer.transport is None or writer.transport.is_closing()):
            self._guard.forbid("the connection was closed before the first byte")
        self._guard.permit(self._limit, self._timeout)
        await super().write_with_length(writer, content_length)
