"""A node's bus whose wake-ups come late, twice or not at all, with the rows that they had: they are only hints."""

import asyncio
from collections.abc import Callable
from typing import Any, Self

from keyturn.bus.port import Listener, RowListener
from keyturn.bus.topics import IdT, Topic
from verification.simulation.world.faults import Faults
from verification.simulation.world.loop import VirtualLoop

_LATE = 2.0


class LossyBus:
    """The port's `Bus`. Listeners are called in the order in which they came, whatever their addresses in memory."""

    def __init__(self, loop: VirtualLoop, faults: Faults) -> None:
        self._loop = loop
        self._faults = faults
        self._listeners: dict[Topic[Any], dict[object, RowListener[Any]]] = {}
        self._waiters: dict[tuple[Topic[Any], str], dict[LossyWaiter, None]] = {}

    def publish(self, topic: Topic[IdT], key: IdT, row: object = None) -> None:
        match self._faults.draw("bus"):
            case "wake-up lost":
                return
            case "wake-up late":
                self._loop.call_later(self._faults.chance.random() * _LATE, self._deliver, topic, key, row)
                return
            case "wake-up repeated":
                self._loop.call_later(self._faults.chance.random() * _LATE, self._deliver, topic, key, row)
        self._deliver(topic, key, row)

    def listen(self, topic: Topic[IdT], listener: Listener[IdT]) -> Callable[[], None]:
        return self.listen_for_rows(topic, lambda key, _row: listener(key))

    def listen_for_rows(self, topic: Topic[IdT], listener: RowListener[IdT]) -> Callable[[], None]:
        place = object()
        self._listeners.setdefault(topic, {})[place] = listener
        return lambda: self._listeners[topic].pop(place, None) and None

    def waiter(self, topic: Topic[IdT], key: IdT) -> "LossyWaiter":
        return LossyWaiter(self._waiters.setdefault((topic, key), {}))

    def _deliver(self, topic: Topic[IdT], key: IdT, row: object) -> None:
        for waiter in tuple(self._waiters.get((topic, key), ())):
            waiter.wake(row)
        for listener in tuple(self._listeners.get(topic, {}).values()):
            listener(key, row)


class LossyWaiter:
    """The port's `Waiter`."""

    def __init__(self, place: "dict[LossyWaiter, None]") -> None:
        self.row: Any = None
        self._place = place
        self._woken = asyncio.Event()

    def __enter__(self) -> Self:
        self._place[self] = None
        return self

    def __exit__(self, *exc: object) -> None:
        self._place.pop(self, None)

    def wake(self, row: object) -> None:
        """The key was published."""
        self.row = row
        self._woken.set()

    async def next(self, timeout: float) -> bool:
        try:
            async with asyncio.timeout(timeout):
                await self._woken.wait()
        except TimeoutError:
            return False
        self._woken.clear()
        return True
