"""The gate before a command's first byte: it opens once, and only in time."""

import asyncio

import msgspec
from aiohttp import BytesPayload
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http import StreamWriter

from keyturn.clock import Clock, seconds_between


class BarredError(Exception):
    """The gate stayed shut and nothing was written; the message says why."""


class Deadline(msgspec.Struct, frozen=True):
    """A moment on two clocks; it has passed when it has passed on either."""

    clock: Clock
    boottime: float
    """On CLOCK_BOOTTIME."""
    wall: int | None = None

    def left(self) -> float:
        """Seconds until then; 0 once it has passed."""
        by_boottime = self.boottime - self.clock.boottime()
        by_wall = by_boottime if self.wall is None else seconds_between(self.clock.now(), self.wall)
        return max(0.0, min(by_boottime, by_wall))

    def passed(self) -> bool:
        by_wall = self.wall is not None and self.clock.now() > self.wall
        return by_wall or self.clock.boottime() > self.boottime


class Gate:
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
            raise BarredError("it was written once already")
        if self.send_by.passed():
            self.shut("send_by passed before the first byte")
        if self.reason:
            raise BarredError(self.reason)
        limit.reschedule(asyncio.get_running_loop().time() + timeout)
        self.passed = True


class OncePayload(BytesPayload):
    """A body that passes the gate before its first byte; aiohttp holds the headers back until the body is written.

    Whatever aiohttp would do with it a second time (a dropped PUT sent again, a redirect) finds the gate shut.
    """

    def __init__(self, body: bytes, gate: Gate, limit: asyncio.Timeout, timeout: float) -> None:
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
