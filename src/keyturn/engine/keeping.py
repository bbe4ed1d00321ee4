"""An OEM's answer is in memory only until the store has it: keep trying while the store is away."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from keyturn.store.port import StoreUnavailable

T = TypeVar("T")
_PAUSE = 0.25
"""Seconds between two tries."""


async def keep_trying(write: Callable[[], Awaitable[T]]) -> T:
    """Run `write` until the store acknowledges it. Safe for fenced writes, which change nothing the second time."""
    while True:
        try:
            return await write()
        except StoreUnavailable:
            await asyncio.sleep(_PAUSE)
