"""Work on the store that is done again and again.

An OEM's answer is in memory only until the store has it: keep trying while the store is away.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from keyturn.store.port import StoreUnavailable

log = structlog.get_logger()
PeriodicTask = Callable[[], Awaitable[None]]


async def run_periodically(work: PeriodicTask, interval: float, name: str, *, at_once: bool = True) -> None:
    """Do `work` at once or in `interval` seconds, and every `interval` seconds from then on, until cancelled.

    A store that is away is waited for, and a defect in one round does not end the rounds.
    """
    if not at_once:
        await asyncio.sleep(interval)
    while True:
        try:
            await work()
        except StoreUnavailable:
            log.warning("the store is away; the round waits for it", round=name)
        except Exception:
            log.exception("a round failed", round=name)
        await asyncio.sleep(interval)


T = TypeVar("T")
_RETRY_INTERVAL = 0.25
"""Seconds between two tries."""


async def retry_until_available(write: Callable[[], Awaitable[T]]) -> T:
    """Run `write` until the store acknowledges it. Safe for fenced writes, which change nothing the second time."""
    while True:
        try:
            return await write()
        except StoreUnavailable:
            await asyncio.sleep(_RETRY_INTERVAL)
