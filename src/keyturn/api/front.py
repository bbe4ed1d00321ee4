"""TLS before HTTP: a connection has its place before its handshake begins, and a handshake has its time."""

import asyncio
import ssl
from collections.abc import Callable

from keyturn.api.addresses import Addresses
from keyturn.api.admission import Admission
from keyturn.api.protocol import EdgeProtocol

Make = Callable[[bool], EdgeProtocol]
"""The protocol for a connection; whether it has its place already."""


class TlsFront(asyncio.Protocol):
    """Secures one connection and hands it over. Whoever finds no place is hung up on: there is no way to answer yet."""

    def __init__(
        self, make: Make, context: ssl.SSLContext, admission: Admission, addresses: Addresses, seconds: float
    ) -> None:
        self._make = make
        self._context = context
        self._admission = admission
        self._addresses = addresses
        self._seconds = seconds
        self._early: list[bytes] = []
        self._ended: Exception | None = None
        self._lost = False
        self._task: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # a listener's are streams
        transport.pause_reading()
        self._task = asyncio.get_running_loop().create_task(self._secure(transport))

    def data_received(self, data: bytes) -> None:
        """What came with the end of the handshake."""
        self._early.append(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost, self._ended = True, exc

    async def _secure(self, transport: asyncio.Transport) -> None:
        address = self._addresses.bounded(transport.get_extra_info("peername"))
        if not self._admission.enter(address):
            transport.abort()
            return
        try:
            secured = await asyncio.get_running_loop().start_tls(
                transport, self, self._context, server_side=True, ssl_handshake_timeout=self._seconds
            )
        except (OSError, asyncio.CancelledError):  # what is no TLS, is too slow, or went away
            self._admission.leave(address)
            transport.abort()
            return
        if secured is None or self._lost:
            self._admission.leave(address)
            return
        protocol = self._make(True)
        protocol.connection_made(secured)
        secured.set_protocol(protocol)
        for data in self._early:
            protocol.data_received(data)
