"""The bus of a single node: function calls within one process."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, Self

import structlog

from keyturn.bus.port import Listener, RowListener
from keyturn.bus.topics import IdT, Topic


class MemoryBus:
    """The port's `Bus`. Everything happens in the event loop's thread."""

    def __init__(self) -> None:
        self._listeners: dict[Topic[Any], tuple[RowListener[Any], ...]] = {}
        self._waiters: dict[tuple[Topic[Any], str], set[MemoryWaiter]] = {}

    def publish(self, topic: Topic[IdT], key: IdT, row: object = None) -> None:
        for waiter in self._waiters.get((topic, key), ()):
            waiter.wake(row)
        for listener in self._listeners.get(topic, ()):
            try:
                listener(key, row)
            except Exception:
                # The publisher and the other listeners must not fail because of this one.
                structlog.get_logger(__name__).exception("listener_failed", topic=topic.name, key=key)

    def listen(self, topic: Topic[IdT], listener: Listener[IdT]) -> Callable[[], None]:
        return self.listen_for_rows(topic, lambda key, _row: listener(key))

    def listen_for_rows(self, topic: Topic[IdT], listener: RowListener[IdT]) -> Callable[[], None]:
        own = partial(listener)  # one of its own for each call
        self._listeners[topic] = (*self._listeners.get(topic, ()), own)

        def stop() -> None:
            self._listeners[topic] = tuple(other for other in self._listeners[topic] if other is not own)

        return stop

    def waiter(self, topic: Topic[IdT], key: IdT) -> "MemoryWaiter":
        return MemoryWaiter(self._waiters, (topic, key))


class MemoryWaiter:
    """The port's `Waiter`; registered with the bus while it is entered."""

    def __init__(self, table: "dict[tuple[Topic[Any], str], set[MemoryWaiter]]", key: tuple[Topic[Any], str]) -> None:
        self.row: Any = None
        self._table = table
        self._key = key
        self._published = False
        self._sleeping: asyncio.Future[None] | None = None

    def __enter__(self) -> Self:
        self._table.setdefault(self._key, set()).add(self)
        return self

    def __exit__(self, *exc: object) -> None:
        waiters = self._table[self._key]
        waiters.remove(self)
        if not waiters:
            del self._table[self._key]

    def wake(self, row: object) -> None:
        """The key was published."""
        self.row, self._published = row, True
        if self._sleeping is not None:
            _end(self._sleeping)

    async def next(self, timeout: float) -> bool:
        if not self._published:
            await self._sleep(timeout)
        published, self._published = self._published, False
        return published

    async def _sleep(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        self._sleeping = loop.create_future()
        timer = loop.call_later(seconds, _end, self._sleeping)
        try:
            await self._sleeping
        finally:
            timer.cancel()
            self._sleeping = None


def _end(sleeping: "asyncio.Future[None]") -> None:
    if not sleeping.done():
        sleeping.set_result(None)
