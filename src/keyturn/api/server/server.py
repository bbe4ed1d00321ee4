"""HTTP server: several listeners, each with its own application; it drains on request and handles no signals."""

import asyncio
import functools
import os
import socket
import ssl
from collections.abc import Awaitable, Callable
from email.utils import formatdate
from pathlib import Path

import msgspec
from starlette.types import ASGIApp

from keyturn.api.client_address import ClientAddresses
from keyturn.api.server.connection_limits import ConnectionLimits, limit_per_address
from keyturn.api.server.listeners import refused_address, unix_socket
from keyturn.api.server.phases import phase_limits
from keyturn.api.server.protocol import HttpProtocol
from keyturn.api.server.tls import TlsListener
from keyturn.api.server.uvicorn_connection import ListenerState, listener_config
from keyturn.clock import SECOND, Clock
from keyturn.config.settings import ServerSettings
from keyturn.telemetry.metrics import Metrics

FLUSH = 1.0
"""Seconds for which a drained connection may still take its last bytes."""

_BACKLOG = 2048
_DATE_INTERVAL = 1.0
"""Seconds."""

_LOCAL_CONNECTIONS = 32
"""Connections to UNIX sockets; their descriptors are part of the reserve."""

_Factory = Callable[[], HttpProtocol]


class _Listener(msgspec.Struct, frozen=True):
    server: asyncio.Server | TlsListener
    state: ListenerState


class Server:
    """Serves applications over HTTP/1.1 in the running event loop until it is drained."""

    def __init__(
        self, settings: ServerSettings, metrics: Metrics, clock: Clock, max_connections: int | None = None
    ) -> None:
        self._settings = settings
        self._metrics = metrics
        self._clock = clock
        self._phase_limits = phase_limits(settings)
        self._addresses = ClientAddresses(settings.trusted_proxies)
        total = settings.max_connections if max_connections is None else max_connections
        self._network_limits = ConnectionLimits(total, limit_per_address(settings, total), metrics)
        self._local_limits = ConnectionLimits(_LOCAL_CONNECTIONS, _LOCAL_CONNECTIONS, metrics)
        self._listeners: list[_Listener] = []
        self._paths: list[Path] = []
        self._date_timer: asyncio.TimerHandle | None = None

    async def start(self, app: ASGIApp, host: str, port: int, tls: ssl.SSLContext | None = None) -> int:
        """Listen on an address; the bound port. Raises `ListenRefused`."""
        loop = asyncio.get_running_loop()
        try:
            return await self._listen(
                app,
                lambda factory: loop.create_server(factory, host, port, backlog=_BACKLOG, start_serving=tls is None),
                self._network_limits,
                tls,
            )
        except OSError as error:
            raise refused_address(host, port, error) from None

    async def start_inherited(self, app: ASGIApp, descriptor: int, tls: ssl.SSLContext | None = None) -> int:
        """Listen on a bound socket that the process was started with; its port."""
        loop = asyncio.get_running_loop()
        sock = socket.socket(fileno=descriptor)
        return await self._listen(
            app,
            lambda factory: loop.create_server(factory, sock=sock, backlog=_BACKLOG, start_serving=tls is None),
            self._network_limits,
            tls,
        )

    async def start_unix(self, app: ASGIApp, path: Path) -> None:
        """Listen on a UNIX socket that only this user may open. Raises `ListenRefused`."""
        loop = asyncio.get_running_loop()
        sock = unix_socket(path)
        await self._listen(
            app, lambda factory: loop.create_unix_server(factory, sock=sock, backlog=_BACKLOG), self._local_limits
        )
        self._paths.append(path)

    async def drain(self, seconds: float) -> None:
        """Stop listening and let running requests finish; those that have not after `seconds` are answered 503."""
        for listener in self._listeners:
            listener.server.close()
        for path in self._paths:
            path.unlink(missing_ok=True)
        await self._finish(seconds)
        for task in self._tasks():
            task.cancel()
        await self._finish(FLUSH)
        await self._close_connections()
        if self._date_timer is not None:
            self._date_timer.cancel()

    async def _listen(
        self,
        app: ASGIApp,
        create: Callable[[_Factory], Awaitable[asyncio.Server]],
        limits: ConnectionLimits,
        tls: ssl.SSLContext | None = None,
    ) -> int:
        config, state = listener_config(app, self._settings.keep_alive), ListenerState()
        make = functools.partial(
            HttpProtocol, config, state, self._phase_limits, self._addresses, limits, self._metrics
        )
        if tls is None:
            server: asyncio.Server | TlsListener = await create(make)
        else:
            server = self._secured(await create(make), functools.partial(make, acquired=True), tls)
        self._listeners.append(_Listener(server, state))
        self._update_date()
        name = server.sockets[0].getsockname()
        return int(name[1]) if isinstance(name, tuple) else 0

    def _secured(self, server: asyncio.Server, make: Callable[[], HttpProtocol], tls: ssl.SSLContext) -> TlsListener:
        """The same sockets, with TLS; `server` does not serve yet."""
        listener = TlsListener(make, tls, self._network_limits, self._addresses, self._settings.header_timeout)
        listener.listen([socket.socket(fileno=os.dup(bound.fileno())) for bound in server.sockets], _BACKLOG)
        server.close()
        return listener

    def _update_date(self) -> None:
        """Keep the `Date` header current."""
        if self._date_timer is not None:
            self._date_timer.cancel()
        date = formatdate(self._clock.now() / SECOND, usegmt=True).encode()
        for listener in self._listeners:
            listener.state.default_headers = [(b"date", date)]
        self._date_timer = asyncio.get_running_loop().call_later(_DATE_INTERVAL, self._update_date)

    def _tasks(self) -> set[asyncio.Task[None]]:
        return {task for listener in self._listeners for task in listener.state.tasks}

    def _connections(self) -> list[HttpProtocol]:
        connections = [connection for listener in self._listeners for connection in listener.state.connections]
        return [connection for connection in connections if isinstance(connection, HttpProtocol)]

    async def _finish(self, seconds: float) -> None:
        """Let every connection end with the answer it is waiting for."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        for connection in self._connections():
            connection.shutdown()
        while (tasks := self._tasks()) and (left := deadline - loop.time()) > 0:
            await asyncio.wait(tasks, timeout=left)

    async def _close_connections(self) -> None:
        connections = self._connections()
        for connection in connections:
            connection.shutdown()
        if connections:
            await asyncio.wait([connection.closed for connection in connections], timeout=FLUSH)
        for connection in self._connections():
            connection.transport.abort()
