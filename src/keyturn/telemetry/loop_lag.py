"""How late the event loop runs what is due."""

import asyncio
from collections.abc import Callable

INTERVAL = 0.1
"""Seconds between two measurements."""


async def watch_loop_lag(observe: Callable[[float], None]) -> None:
    """Call `observe` with the loop's lag in seconds, until cancelled."""
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + INTERVAL
        await asyncio.sleep(INTERVAL)
        observe(max(0.0, loop.time() - due))
