"""Pins processes to cores: servers to the first, the load generator to the second."""

import asyncio
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractAsyncContextManager, contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import ParamSpec, TypeVar

import uvloop

from benchmarks.installation import Installation

P = ParamSpec("P")
T = TypeVar("T")
Serve = Callable[[Installation], AbstractAsyncContextManager[int]]
"""Opens a server on an installation and gives its port."""

_SPAWN = get_context("spawn")


def pin_server() -> None:
    """This process, and every thread it starts from now on, runs on the server's core."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def pin_load() -> None:
    """This process runs on another core than the server, if there is one."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


@contextmanager
def served(serve: Serve, installation: Installation) -> Iterator[int]:
    """The port of a server in a process of its own."""
    here, there = _SPAWN.Pipe()
    process = _SPAWN.Process(target=_serve, args=(serve, installation, there))
    process.start()
    there.close()
    try:
        yield here.recv()
    finally:
        here.close()
        process.join()


def on_server_core(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What `work` returns, in a process of its own."""
    with ProcessPoolExecutor(1, _SPAWN, pin_server) as pool:
        return pool.submit(work, *args, **kwargs).result()


def _serve(serve: Serve, installation: Installation, pipe: Connection) -> None:
    pin_server()
    uvloop.run(_until_closed(serve, installation, pipe))


async def _until_closed(serve: Serve, installation: Installation, pipe: Connection) -> None:
    closed = asyncio.Event()
    async with serve(installation) as port:
        asyncio.get_running_loop().add_reader(pipe.fileno(), closed.set)
        pipe.send(port)
        await closed.wait()
