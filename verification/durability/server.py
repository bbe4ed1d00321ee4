"""`keyturn serve` under strace."""

import asyncio
import re
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
from tests.startup.process import PATIENCE, ServerProcess, environment
from tests.support.clock import eventually

from verification.durability.strace import attaching, is_complete, tracing

_DETACHED_WITHIN = 5.0
"""Seconds."""


@asynccontextmanager
async def traced(config: Path, log: Path, injections: Sequence[str] = ()) -> AsyncIterator[ServerProcess]:
    """A server whose calls go to the file `log`, complete after the block; a server that still runs is killed."""
    serve = ["-m", "keyturn", "serve", "--json", "--config", str(config), "--port", "0"]
    with log.with_suffix(".stderr").open("ab") as errors:
        process = await asyncio.create_subprocess_exec(
            *tracing(log, injections), sys.executable, *serve,
            stdout=asyncio.subprocess.PIPE, stderr=errors, env=environment(),
        )  # fmt: skip
    try:
        yield ServerProcess(process, await _url(process, log))
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()
        await eventually(lambda: is_complete(log, process.pid), PATIENCE)


@asynccontextmanager
async def attached(pid: int, log: Path, injections: Sequence[str] = ()) -> AsyncIterator[None]:
    """The calls of a running server go to the file `log` meanwhile, with those errors injected into them."""
    process = await asyncio.create_subprocess_exec(*attaching(log, pid, injections), stderr=asyncio.subprocess.PIPE)
    assert process.stderr is not None
    try:
        async with asyncio.timeout(PATIENCE):
            errors = await process.stderr.readline()
        if b" attached" not in errors:
            raise RuntimeError(errors.decode())
        yield
    finally:
        await _detach(process)


async def _detach(process: asyncio.subprocess.Process) -> None:
    """strace lets go when it is asked to; one that does not is ended."""
    if process.returncode is None:
        process.terminate()
    try:
        async with asyncio.timeout(_DETACHED_WITHIN):
            await process.communicate()
    except TimeoutError:
        process.kill()
        await process.communicate()


def port_of(url: str) -> int:
    """The port at the end of a base URL."""
    match = re.search(r":(\d+)$", url)
    if match is None:
        raise ValueError(url)
    return int(match[1])


async def _url(process: asyncio.subprocess.Process, log: Path) -> str:
    assert process.stdout is not None
    async with asyncio.timeout(PATIENCE):
        line = await process.stdout.readline()
    if not line:
        raise RuntimeError(log.with_suffix(".stderr").read_text())
    return str(msgspec.json.decode(line)["url"])
