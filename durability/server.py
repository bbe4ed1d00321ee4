"""`keyturn serve` under strace."""

import asyncio
import re
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from tests.startup.process import PATIENCE, ServerProcess, environment, eventually

from .strace import is_complete, tracing


@asynccontextmanager
async def traced(
    config: Path, log: Path, injections: Sequence[str] = (), *, port: int = 0
) -> AsyncIterator[ServerProcess]:
    """A server whose calls go to the file `log`, complete once this is over. What is left of it then is killed."""
    serve = ["-m", "keyturn", "serve", "--json", "--config", str(config), "--port", str(port)]
    with log.with_suffix(".said").open("ab") as said:
        process = await asyncio.create_subprocess_exec(
            *tracing(log, injections), sys.executable, *serve,
            stdout=asyncio.subprocess.PIPE, stderr=said, env=environment(),
        )  # fmt: skip
    try:
        yield ServerProcess(process, await _url(process, log))
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()
        await eventually(lambda: is_complete(log, process.pid), PATIENCE)


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
        raise RuntimeError(log.with_suffix(".said").read_text())
    return str(msgspec.json.decode(line)["url"])
