"""TLS listeners: a connection has its place before its handshake begins, and a handshake has its time."""

import asyncio
import socket
import ssl
from collections.abc import Callable, Coroutine, Iterable

from keyturn.api.client_address import ClientAddresses
from keyturn.api.server.connection_limits import ConnectionLimits
from keyturn.api.server.protocol import HttpProtocol

_PAUSE = 0.1
"""Seconds until the next try where no connection could be taken."""


class TlsListener:
    """Takes connections from bound sockets, secures them and hands them over.

    Whoever finds no place is hung up on: before the handshake there is no way to answer. `make` gives the protocol of a
    connection that has its place.
    """

    def __init__(
        self,
        make: Callable[[], HttpProtocol],
        context: ssl.SSLContext,
        admission: ConnectionLimits,
        addresses: ClientAddresses,
        seconds: float,
    ) -> None:
        self._make = make
        self._context = context
        self._admission = admission
        self._addresses = addresses
        self._seconds = seconds
        self._tasks: set[asyncio.Task[None]] = set()
        self.sockets: tuple[socket.socket, ...] = ()

    def listen(self, bound: Iterable[socket.socket], backlog: int) -> None:
        """Begin; the sockets are this listener's from now on."""
        self.sockets = tuple(bound)
        for sock in self.sockets:
            sock.listen(backlog)
            sock.setblocking(False)
            self._spawn(self._accept(sock))

    def close(self) -> None:
        """Take no more connections, and secure none that is not secured yet."""
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
            address = self._addresses.bounded(peer)
            if self._admission.enter(address):
                self._spawn(self._secure(connection, address))
            else:
                connection.close()

    async def _secure(self, connection: socket.socket, address: str | None) -> None:
        connection.setblocking(False)
        loop = asyncio.get_running_loop()
        try:
            await loop.connect_accepted_socket(
                self._make, connection, ssl=self._context, ssl_handshake_timeout=self._seconds
            )
        except (OSError, asyncio.CancelledError):  # what is no TLS, is too slow, or went away
            self._admission.leave(address)
            connection.close()

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
