"""The bus of a node that stands alone: plain calls in one process."""

import asyncio
from collections.abc import Callable
from typing import Any, Self

import structlog

from keyturn.bus.port import Listener
from keyturn.bus.topics import IdT, Topic


class MemoryBus:
    """The port's `Bus`. Everything happens in the event loop's thread."""

    def __init__(self) -> None:
        self._listeners: dict[Topic[Any], dict[object, Listener[Any]]] = {}
        self._waiters: dict[tuple[Topic[Any], str], set[MemoryWaiter]] = {}

    def publish(self, topic: Topic[IdT], key: IdT) -> None:
        for waiter in self._waiters.get((topic, key), ()):
            waiter.wake()
        for listener in tuple(self._listeners.get(topic, {}).values()):
            try:
                listener(key)
            except Exception:
                # Whoever said it has its own work to finish, and the other listeners want to hear it too.
                structlog.get_logger(__name__).exception("listener_failed", topic=topic.name, key=key)

    def listen(self, topic: Topic[IdT], listener: Listener[IdT]) -> Callable[[], None]:
        listeners = self._listeners.setdefault(topic, {})
        place = object()
        listeners[place] = listener

        def stop() -> None:
            listeners.pop(place, None)

        return stop

    def waiter(self, topic: Topic[IdT], key: IdT) -> "MemoryWaiter":
        return MemoryWaiter(self._waiters, (topic, key))


class MemoryWaiter:
    """The port's `Waiter`: in the bus's table while it is entered."""

    def __init__(self, table: "dict[tuple[Topic[Any], str], set[MemoryWaiter]]", place: tuple[Topic[Any], str]) -> None:
        self._table = table
        self._place = place
        self._said = asyncio.Event()

    def __enter__(self) -> Self:
        self._table.setdefault(self._place, set()).add(self)
        return self

    def __exit__(self, *exc: object) -> None:
        waiters = self._table[self._place]
        waiters.remove(self)
        if not waiters:
            del self._table[self._place]

    def wake(self) -> None:
        """The key was said."""
        self._said.set()

    async def next(self, timeout: float) -> bool:
        try:
            async with asyncio.timeout(timeout):
                await self._said.wait()
        except TimeoutError:
            return False
        self._said.clear()
        return True
