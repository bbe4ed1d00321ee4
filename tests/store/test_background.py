"""Rounds go on, whatever one of them meets."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest
import structlog

from keyturn.store.background import run_periodically
from keyturn.store.port import StoreUnavailable

pytestmark = pytest.mark.anyio

HOUR = 3_600.0


@asynccontextmanager
async def making(
    work: Callable[[], Coroutine[Any, Any, None]], interval: float, *, at_once: bool
) -> AsyncIterator[None]:
    rounds = asyncio.create_task(run_periodically(work, interval, "test", at_once=at_once))
    try:
        async with asyncio.timeout(10):
            yield
    finally:
        rounds.cancel()
        await asyncio.gather(rounds, return_exceptions=True)


@pytest.mark.parametrize("at_once", [True, False])
async def test_an_exception_does_not_stop_a_periodic_task(at_once: bool) -> None:
    rounds: list[None] = []
    enough = asyncio.Event()

    async def work() -> None:
        rounds.append(None)
        if len(rounds) == 3:
            enough.set()
        raise StoreUnavailable("away") if len(rounds) == 1 else LookupError("a defect")

    with structlog.testing.capture_logs() as logs:
        async with making(work, 0.001, at_once=at_once):
            await enough.wait()
    assert [line["log_level"] for line in logs][:2] == ["warning", "error"]


@pytest.mark.parametrize("at_once", [True, False])
async def test_a_periodic_task_first_runs_at_once_or_after_its_interval(at_once: bool) -> None:
    made = asyncio.Event()

    async def work() -> None:
        made.set()

    async with making(work, HOUR, at_once=at_once):
        for _ in range(10):
            await asyncio.sleep(0)
        assert made.is_set() is at_once
