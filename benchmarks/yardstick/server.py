"""Serves the yardstick in a process of its own."""

import asyncio
import functools
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.utils import formatdate

from starlette.routing import Route
from uvicorn.config import Config
from uvicorn.server import ServerState

from benchmarks.installation import Installation
from benchmarks.requests import NOOP
from benchmarks.yardstick.application import Clock, Endpoint, Envelope, Metrics, Routes
from benchmarks.yardstick.checks import Directory, Gate, Principal, VehicleCommands
from benchmarks.yardstick.protocol import EdgeProtocol

_BACKLOG = 2048


@asynccontextmanager
async def serve_yardstick(installation: Installation) -> AsyncIterator[int]:
    """Its port. Of the installation, it knows the application's token and sign-secret."""
    gc.set_threshold(10_000, 20, 50)
    server = await asyncio.get_running_loop().create_server(factory(installation), "127.0.0.1", 0, backlog=_BACKLOG)
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        server.close()


def factory(installation: Installation) -> functools.partial[EdgeProtocol]:
    """Makes the protocol of a connection."""
    state = ServerState()
    state.default_headers = [(b"date", formatdate(usegmt=True).encode())]
    return functools.partial(EdgeProtocol, _config(installation), state)


def _config(installation: Installation) -> Config:
    clock = Clock()
    principal = Principal("application", (installation.sign_secret.encode(),))
    commands = VehicleCommands(Gate(Directory(installation.token, principal, clock)))
    routes = [Route(NOOP + slash, Endpoint(commands.noop), methods=["POST"]) for slash in ("", "/")]
    config = Config(
        Envelope(Routes(routes), Metrics(), clock),
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        ws="none",
        lifespan="off",
        interface="asgi3",
        timeout_keep_alive=75,
    )
    config.load()
    return config
