"""TLS listeners: a connection takes its slot before its handshake begins, and the handshake has a time limit."""

import asyncio
import socket
import ssl
from collections.abc import Callable, Coroutine, Iterable

from keyturn.api.client_address import ClientAddresses
from keyturn.api.server.connection_limits import ConnectionLimits
from keyturn.api.server.protocol import HttpProtocol

_PAUSE = 0.1
"""Seconds until the next try where no connection could be accepted."""


class TlsListener:
    """Accepts connections from bound sockets, does their handshakes and passes them to the protocol.

    A connection beyond the limits is closed without an answer: before the handshake there is no way to send one.
    `make_protocol` gives the protocol of a connection that has its slot; `handshake_timeout` is in seconds.
    """

    def __init__(
        self,
        make_protocol: Callable[[], HttpProtocol],
        context: ssl.SSLContext,
        limits: ConnectionLimits,
        addresses: ClientAddresses,
        handshake_timeout: float,
    ) -> None:
        self._make_protocol = make_protocol
        self._context = context
        self._limits = limits
        self._addresses = addresses
        self._handshake_timeout = handshake_timeout
        self._tasks: set[asyncio.Task[None]] = set()
        self.sockets: tuple[socket.socket, ...] = ()

    def listen(self, bound: Iterable[socket.socket], backlog: int) -> None:
        """Begin; the listener owns the sockets from now on."""
        self.sockets = tuple(bound)
        for sock in self.sockets:
            sock.listen(backlog)
            sock.setblocking(False)
            self._spawn(self._accept(sock))

    def close(self) -> None:
        """Accept no more connections, and abort the handshakes under way."""
        for task in self._tasks:
            task.cancel()
        for sock in self.sockets:
            sock.close()

    async def _accept(self, sock: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, peer = await loop.sock_accept(sock)
            except OSError:
                await asyncio.sleep(_PAUSE)
                continue
            address = self._addresses.limited_peer(peer)
            if self._limits.acquire(address):
                self._spawn(self._secure(connection, address))
            else:
                connection.close()

    async def _secure(self, connection: socket.socket, address: str | None) -> None:
        connection.setblocking(False)
        loop = asyncio.get_running_loop()
        try:
            await loop.connect_accepted_socket(
                self._make_protocol, connection, ssl=self._context, ssl_handshake_timeout=self._handshake_timeout
            )
        except (OSError, asyncio.CancelledError):  # no TLS, too slow, or closed by the client
            self._limits.release(address)
            connection.close()

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
