"""The transport as requests see it: writes leave together, and how to close is left to the connection.

How large and how slow what a client sends may be, phase by phase.
"""

import asyncio
from collections.abc import Callable
from enum import Enum

import msgspec

from keyturn.config.settings import ServerSettings
from keyturn.errors import BodyTooLarge, BodyTooSlow, HeaderTooLarge, HeaderTooSlow, Refusal


class BufferedTransport(asyncio.Transport):
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


_FRAMING = 8
"""Bytes of chunk framing that one byte of a body may take: a chunk of one byte takes five."""


class Phase(Enum):
    """Where the parser stands in what the client sends."""

    BETWEEN = "between requests"
    HEAD = "in a request's head"
    BODY = "in a request's body"
    DEAF = "nothing more is parsed"


class PhaseLimits(msgspec.Struct, frozen=True):
    """How many bytes and seconds a phase may take, and how going beyond is refused."""

    size: int
    seconds: float
    too_large: type[Refusal]
    too_slow: type[Refusal]


def phase_limits(settings: ServerSettings) -> dict[Phase, PhaseLimits]:
    return {
        Phase.HEAD: PhaseLimits(settings.header_limit, settings.header_timeout, HeaderTooLarge, HeaderTooSlow),
        Phase.BODY: PhaseLimits(settings.body_limit * _FRAMING, settings.body_timeout, BodyTooLarge, BodyTooSlow),
    }
