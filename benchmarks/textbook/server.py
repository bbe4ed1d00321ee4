"""The textbook's server: one process, as Keyturn is one."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn

from benchmarks.installation import Installation
from keyturn.commands.model.catalogue import COMMANDS

DATABASE, KEYS = "textbook.db", "keys"
"""Files of its data directory; KEYS is the token key and the master key."""
KEY_BYTES = 32


@asynccontextmanager
async def serve_textbook(installation: Installation) -> AsyncIterator[int]:
    """Its port."""
    from benchmarks.textbook.app import build_app  # its libraries stay in its own process: they change how others parse
    from benchmarks.textbook.database import open_engine

    keys = (installation.data / KEYS).read_bytes()
    engine = open_engine(installation.data / DATABASE)
    app = build_app(engine, keys[:KEY_BYTES], keys[KEY_BYTES:], frozenset(COMMANDS))
    server = uvicorn.Server(uvicorn.Config(app, http="httptools", access_log=False, log_level="warning"))
    listening = socket.create_server(("127.0.0.1", 0), backlog=2048)
    serving = asyncio.create_task(server.serve([listening]))
    try:
        yield listening.getsockname()[1]
    finally:
        server.should_exit = True
        await serving
        await engine.dispose()
