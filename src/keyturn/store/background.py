"""Periodic tasks on the store, and writes that are retried until the store is available.

An OEM's response is only in memory until the store has it, so such a write must not be given up.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from keyturn.store.port import StoreUnavailable

log = structlog.get_logger()
PeriodicTask = Callable[[], Awaitable[None]]


async def run_periodically(work: PeriodicTask, interval: float, name: str, *, at_once: bool = True) -> None:
    """Run `work` at once or after `interval` seconds, then every `interval` seconds, until cancelled.

    An unavailable store is waited for. An exception is logged and does not stop the loop.
    """
    if not at_once:
        await asyncio.sleep(interval)
    while True:
        try:
            await work()
        except StoreUnavailable:
            log.warning("the store is unavailable; the task waits for it", task=name)
        except Exception:
            log.exception("a periodic task failed", task=name)
        await asyncio.sleep(interval)


T = TypeVar("T")
_RETRY_INTERVAL = 0.25
"""Seconds between two attempts."""


async def retry_until_available(write: Callable[[], Awaitable[T]]) -> T:
    """Repeat `write` until the store acknowledges it. Only for fenced writes, which change nothing the second time."""
    while True:
        try:
            return await write()
        except StoreUnavailable:
            await asyncio.sleep(_RETRY_INTERVAL)
