"""Processes that can be killed at any moment, and that never outlive this one."""

import asyncio
import os
import random
import socket
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from keyturn.clock import SECOND

PATIENCE = 30.0
"""Seconds after which a process that should have become ready, or ended, is a failure."""

_LAUNCH = """
import ctypes, os, signal, sys
ctypes.CDLL(None).prctl(1, signal.SIGKILL)
os.execv(sys.argv[1], sys.argv[1:])
"""
"""PR_SET_PDEATHSIG, which outlasts the exec: the kernel kills the process when its parent dies, in whatever way."""


class Gone(Exception):
    """The process ended before it was ready."""


class Process:
    """One `keyturn` command that prints a line when it is ready. It can be started again after its end."""

    def __init__(self, arguments: Iterable[object], log: Path) -> None:
        self._arguments = [sys.executable, "-m", "keyturn", *map(str, arguments)]
        self._launch = [sys.executable, "-I", "-S", "-c", _LAUNCH]
        self._log = log
        self._process: asyncio.subprocess.Process | None = None
        self.starts = 0
        self.kills = 0
        self.uptimes: list[tuple[int, int]] = []
        """When it was ready and when it ended, of each life that became ready; in microseconds."""
        self._ready_at: int | None = None

    @property
    def ready(self) -> bool:
        return self._ready_at is not None

    @property
    def died(self) -> int | None:
        """The exit code of a life that ended by itself."""
        return None if self._process is None else self._process.returncode

    async def spawn(self) -> None:
        """Begin a life; it is not ready yet."""
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._launch,
                *self._arguments,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                env=_environment(),
                start_new_session=True,  # Ctrl-C ends this process, not the servers
            )
        self.starts += 1

    async def until_ready(self) -> None:
        """Raises `Gone` when the process ended instead, by a kill or by itself."""
        assert self._process is not None
        assert self._process.stdout is not None
        async with asyncio.timeout(PATIENCE):
            line = await self._process.stdout.readline()
        if not line:
            raise Gone(f"{' '.join(self._arguments[2:4])} ended before it was ready; its log is {self._log}")
        self._ready_at = wall_clock()

    async def start(self) -> None:
        """Spawned and ready. Raises `Gone`."""
        await self.spawn()
        await self.until_ready()

    async def kill(self) -> None:
        """SIGKILL: it cannot clean up."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            self.kills += 1
            await self._ended()

    async def terminate(self) -> int:
        """SIGTERM; the exit code."""
        assert self._process is not None
        self._process.terminate()
        async with asyncio.timeout(PATIENCE):
            await self._ended()
        return self._process.returncode or 0

    async def _ended(self) -> None:
        assert self._process is not None
        ready_at, self._ready_at = self._ready_at, None
        if ready_at is not None:
            self.uptimes.append((ready_at, wall_clock()))
        await self._process.communicate()


def wall_clock() -> int:
    """Microseconds since the Unix epoch: the clock that the processes read too."""
    return time.time_ns() * SECOND // 1_000_000_000


def free_port() -> int:
    """A free port outside the range that the system assigns by itself: a process may come back to it."""
    with Path("/proc/sys/net/ipv4/ip_local_port_range").open() as file:
        first_given = int(file.read().split()[0])
    for port in random.sample(range(max(1024, first_given - 10_000), first_given), 100):
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            continue
        return port
    raise Gone("no port is free")


def _environment() -> dict[str, str]:
    """This process's own, without what would configure a Keyturn."""
    return {name: value for name, value in os.environ.items() if not name.startswith("KEYTURN_")}
