"""The bus of one process: calls listeners and wakes waiters in the event loop's thread."""

import asyncio
from collections import defaultdict
from collections.abc import Callable

from keyturn.bus.port import Listener


class MemoryBus:
    """Wake-ups within one event loop. What nobody waits for costs two look-ups."""

    def __init__(self) -> None:
        self._listeners: dict[str, list[Listener]] = defaultdict(list)
        self._waiters: dict[tuple[str, str], set[MemoryWaiter]] = {}

    def publish(self, topic: str, key: str) -> None:
        """Call every listener of `topic` and wake everybody who waits for `key`."""
        for listener in tuple(self._listeners[topic]):
            listener(key)
        for waiter in self._waiters.get((topic, key), ()):
            waiter.wake()

    def listen(self, topic: str, listener: Listener) -> Callable[[], None]:
        """Call `listener(key)` for every key said on `topic`, until the returned function is called."""
        self._listeners[topic].append(listener)
        return lambda: self._listeners[topic].remove(listener)

    def waiter(self, topic: str, key: str) -> "MemoryWaiter":
        """A place in line for one key; enter it before looking at the row."""
        return MemoryWaiter(self._waiters, (topic, key))


class MemoryWaiter:
    """Wakes for one key between entering and leaving."""

    def __init__(self, places: dict[tuple[str, str], set["MemoryWaiter"]], place: tuple[str, str]) -> None:
        self._places = places
        self._place = place
        self._said = asyncio.Event()

    def __enter__(self) -> "MemoryWaiter":
        self._places.setdefault(self._place, set()).add(self)
        return self

    def __exit__(self, *_exc: object) -> None:
        line = self._places[self._place]
        line.discard(self)
        if not line:
            del self._places[self._place]

    def wake(self) -> None:
        self._said.set()

    async def next(self, timeout: float) -> bool:
        """True as soon as the key was said since the last call (or since entering), False after `timeout` seconds."""
        try:
            async with asyncio.timeout(timeout):
                await self._said.wait()
        except TimeoutError:
            return False
        self._said.clear()
        return True
