"""Keyturn as a process of its own."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

PATIENCE = 30.0
"""Seconds after which a process that should have become ready, or ended, is a failure."""


def environment() -> dict[str, str]:
    """This process's own, without what would configure a Keyturn."""
    return {name: value for name, value in os.environ.items() if not name.startswith("KEYTURN_")}


def run(*arguments: str | Path, **how: Any) -> subprocess.CompletedProcess[str]:
    """A command line that ends by itself."""
    words = [sys.executable, "-m", "keyturn", *map(str, arguments)]
    options: dict[str, Any] = {"capture_output": True, "text": True, "timeout": PATIENCE, "env": environment()}
    return subprocess.run(words, check=False, **{**options, **how})


class ServerProcess:
    """`keyturn serve`, ready."""

    def __init__(self, process: asyncio.subprocess.Process, url: str) -> None:
        self._process = process
        self.url = url

    @property
    def pid(self) -> int:
        return self._process.pid

    async def kill(self) -> None:
        """SIGKILL: nothing of it gets to say goodbye."""
        self._process.kill()
        await self._process.wait()

    async def terminate(self) -> int:
        """SIGTERM; the exit code."""
        self._process.terminate()
        async with asyncio.timeout(PATIENCE):
            return await self._process.wait()


@asynccontextmanager
async def serving(config: Path, *, port: int = 0) -> AsyncIterator[ServerProcess]:
    """A server on this configuration; whatever is left of it in the end is killed. Its log is beside the file."""
    words = ["-m", "keyturn", "serve", "--json", "--config", str(config), "--port", str(port)]
    said = config.with_suffix(".log")
    with said.open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, *words, stdout=asyncio.subprocess.PIPE, stderr=log, env=environment()
        )
    try:
        line = await _first_line(process)
        assert line, said.read_text()
        yield ServerProcess(process, msgspec.json.decode(line)["url"])
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def _first_line(process: asyncio.subprocess.Process) -> bytes:
    assert process.stdout is not None
    async with asyncio.timeout(PATIENCE):
        return await process.stdout.readline()
