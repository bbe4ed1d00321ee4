"""Wake-ups within one process."""

import asyncio
import selectors
from typing import Any

import pytest

from keyturn.bus.memory import MemoryBus
from keyturn.bus.topics import COMMAND_CHANGED, VEHICLE_HAS_WORK, CommandId, VehicleId

pytestmark = pytest.mark.anyio
LONG = 3600.0
A, B, C, D = map(CommandId, "abcd")


class HastyLoop(asyncio.SelectorEventLoop):
    """A loop whose time jumps to the next timer instead of waiting for it."""

    def __init__(self) -> None:
        self._elapsed = 0.0
        super().__init__(_HastySelector(self))

    def time(self) -> float:
        return self._elapsed

    def skip(self, seconds: float) -> None:
        self._elapsed += seconds


class _HastySelector(selectors.DefaultSelector):
    def __init__(self, loop: HastyLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is not None:
            self._loop.skip(timeout)
        return super().select(0 if timeout is not None else None)


async def test_a_listener_gets_every_key_of_its_topic_until_it_stops(bus: MemoryBus) -> None:
    received: list[str] = []
    stop = bus.listen(COMMAND_CHANGED, received.append)
    bus.publish(COMMAND_CHANGED, A)
    bus.publish(VEHICLE_HAS_WORK, VehicleId(B))
    bus.publish(COMMAND_CHANGED, C)
    stop()
    bus.publish(COMMAND_CHANGED, D)
    assert received == ["a", "c"]


async def test_one_listener_registered_twice_is_called_twice_and_stops_separately(bus: MemoryBus) -> None:
    received: list[str] = []
    first, _second = bus.listen(COMMAND_CHANGED, received.append), bus.listen(COMMAND_CHANGED, received.append)
    bus.publish(COMMAND_CHANGED, A)
    first()
    first()
    bus.publish(COMMAND_CHANGED, B)
    assert received == ["a", "a", "b"]


async def test_a_failing_listener_does_not_affect_the_others(bus: MemoryBus) -> None:
    received: list[str] = []

    def fail(key: str) -> None:
        raise ValueError(key)

    bus.listen(COMMAND_CHANGED, fail)
    bus.listen(COMMAND_CHANGED, received.append)
    bus.publish(COMMAND_CHANGED, A)
    assert received == ["a"]


async def test_a_listener_may_stop_while_it_is_called(bus: MemoryBus) -> None:
    received: list[str] = []

    def once(key: str) -> None:
        stop()
        received.append(key)

    stop = bus.listen(COMMAND_CHANGED, once)
    bus.listen(COMMAND_CHANGED, received.append)
    bus.publish(COMMAND_CHANGED, A)
    bus.publish(COMMAND_CHANGED, B)
    assert received == ["a", "a", "b"]


async def test_a_waiter_wakes_when_its_key_is_published(bus: MemoryBus) -> None:
    with bus.waiter(COMMAND_CHANGED, A) as waiter:
        waiting = asyncio.create_task(waiter.next(LONG))
        await asyncio.sleep(0)
        bus.publish(COMMAND_CHANGED, B)
        bus.publish(VEHICLE_HAS_WORK, VehicleId(A))
        await asyncio.sleep(0)
        assert not waiting.done()
        bus.publish(COMMAND_CHANGED, A)
        assert await waiting


async def test_every_waiter_of_a_key_wakes(bus: MemoryBus) -> None:
    with bus.waiter(COMMAND_CHANGED, A) as first, bus.waiter(COMMAND_CHANGED, A) as second:
        waiting = asyncio.gather(*(waiter.next(LONG) for waiter in (first, second)))
        await asyncio.sleep(0)
        bus.publish(COMMAND_CHANGED, A)
        assert await waiting == [True, True]


async def test_a_message_between_two_calls_wakes_the_waiter_once(bus: MemoryBus) -> None:
    with bus.waiter(COMMAND_CHANGED, A) as waiter:
        bus.publish(COMMAND_CHANGED, A)
        bus.publish(COMMAND_CHANGED, A)
        assert await waiter.next(0)
        assert not await waiter.next(0)


async def test_a_message_before_entering_does_not_wake_the_waiter(bus: MemoryBus) -> None:
    waiter = bus.waiter(COMMAND_CHANGED, A)
    bus.publish(COMMAND_CHANGED, A)
    with waiter:
        assert not await waiter.next(0)


async def test_a_cancelled_wait_loses_nothing(bus: MemoryBus) -> None:
    with bus.waiter(COMMAND_CHANGED, A) as waiter:
        waiting = asyncio.create_task(waiter.next(LONG))
        await asyncio.sleep(0)
        bus.publish(COMMAND_CHANGED, A)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert await waiter.next(0)


def test_a_wait_ends_by_the_loops_own_time(bus: MemoryBus) -> None:
    async def wait() -> tuple[bool, float]:
        loop = asyncio.get_running_loop()
        started = loop.time()
        with bus.waiter(COMMAND_CHANGED, A) as waiter:
            return await waiter.next(LONG), loop.time() - started

    with asyncio.Runner(loop_factory=HastyLoop) as runner:
        woken, waited = runner.run(wait())
    assert not woken
    assert waited == pytest.approx(LONG)


async def test_nothing_is_left_of_waiters_that_went_away(bus: MemoryBus) -> None:
    async def wait(number: int) -> bool:
        with bus.waiter(COMMAND_CHANGED, CommandId(str(number))) as waiter:
            return await waiter.next(LONG)

    tasks = [asyncio.create_task(wait(number)) for number in range(2000)]
    await asyncio.sleep(0)
    for number in range(1000):
        bus.publish(COMMAND_CHANGED, CommandId(str(number)))
    for task in tasks[1000:]:
        task.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert results[:1000] == [True] * 1000
    assert not any(vars(bus).values())
