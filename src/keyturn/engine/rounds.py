"""Work that looks at the clock again and again."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from keyturn.store.port import StoreUnavailable

log = structlog.get_logger()
Round = Callable[[], Awaitable[None]]


async def make_rounds(work: Round, interval: float, name: str) -> None:
    """Do `work` every `interval` seconds, for ever; what fails once is tried again."""
    while True:
        await asyncio.sleep(interval)
        try:
            await work()
        except StoreUnavailable:
            log.warning("the store is away; the round waits for it", round=name)
        except Exception:
            log.exception("a round failed", round=name)
