"""Work on the store that is done again and again."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from keyturn.store.port import StoreUnavailable

log = structlog.get_logger()
Round = Callable[[], Awaitable[None]]


async def make_rounds(work: Round, interval: float, name: str, *, at_once: bool = True) -> None:
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
