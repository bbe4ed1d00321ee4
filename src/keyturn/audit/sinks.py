"""Checkpoint sinks: ways to deliver a checkpoint to another machine (a file, a webhook, a command)."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import aiohttp

from keyturn.config.settings import AuditSettings
from keyturn.private_files import append_private

_TIMEOUT = 30.0
"""Seconds that one delivery may take."""

Deliver = Callable[[bytes], Coroutine[Any, Any, None]]


class DeliveryFailed(Exception):
    """The checkpoint was not delivered; the message holds no secret."""


class FileSink:
    """Appends lines to a file, which should be on another machine's disk, and waits until they are durable."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def deliver(self, line: bytes) -> None:
        """Raises DeliveryFailed."""
        try:
            await asyncio.to_thread(append_private, self._path, line)
        except OSError as error:
            raise DeliveryFailed(f"The file cannot be written ({error.strerror}).") from None


class WebhookSink:
    """Posts the line as JSON; a status from 200 to 299 accepts it. The URL may hold a secret and is never reported."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def deliver(self, line: bytes) -> None:
        """Raises DeliveryFailed."""
        timeout = aiohttp.ClientTimeout(total=_TIMEOUT)
        headers = {"Content-Type": "application/json"}
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout, headers=headers) as session,
                session.post(self._url, data=line, allow_redirects=False) as response,
            ):
                status = response.status
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise DeliveryFailed(f"The webhook cannot be reached ({type(error).__name__}).") from None
        if not 200 <= status < 300:
            raise DeliveryFailed(f"The webhook answered {status}.")


class CommandSink:
    """Runs a program with the line on its standard input; exit status 0 accepts it. No shell is involved."""

    def __init__(self, argv: tuple[str, ...]) -> None:
        self._argv = argv

    async def deliver(self, line: bytes) -> None:
        """Raises DeliveryFailed."""
        try:
            process = await asyncio.create_subprocess_exec(
                *self._argv,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
            )
        except OSError as error:
            raise DeliveryFailed(f"The command cannot be run ({error.strerror}).") from None
        try:
            async with asyncio.timeout(_TIMEOUT):
                await process.communicate(line)
        except TimeoutError:
            raise DeliveryFailed(f"The command took more than {_TIMEOUT:g} s.") from None
        finally:
            await _kill(process)
        if process.returncode:
            raise DeliveryFailed(f"The command ended with status {process.returncode}.")


def configured_sinks(settings: AuditSettings) -> dict[str, Deliver]:
    """The configured sinks by the name of their setting."""
    sinks: dict[str, Deliver] = {}
    if settings.checkpoint_file:
        sinks["checkpoint_file"] = FileSink(Path(settings.checkpoint_file)).deliver
    if settings.checkpoint_url:
        sinks["checkpoint_url"] = WebhookSink(settings.checkpoint_url).deliver
    if settings.checkpoint_command:
        sinks["checkpoint_command"] = CommandSink(settings.checkpoint_command).deliver
    return sinks


async def _kill(process: asyncio.subprocess.Process) -> None:
    """Kill a command that took too long, or whose server stops."""
    if process.returncode is None:
        process.kill()
        await process.wait()
