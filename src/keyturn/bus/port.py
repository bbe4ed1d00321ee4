"""The bus port: wake-ups between the parts of a node, and later between nodes.

A message is a topic and an id (`keyturn.bus.topics`). It may be lost, repeated or reordered without harm, because
whoever hears it reads the rows.
"""

from collections.abc import Callable
from typing import Protocol

from keyturn.bus.topics import IdT, Topic

Listener = Callable[[IdT], None]


class Bus(Protocol):
    """Tell listeners on this node that something about an id changed."""

    def publish(self, topic: Topic[IdT], key: IdT) -> None:
        """Call every listener of `topic` for `key`, in the event loop's thread."""
        ...

    def listen(self, topic: Topic[IdT], listener: Listener[IdT]) -> Callable[[], None]:
        """Call `listener(key)` for every key said on `topic`, until the returned function is called."""
        ...

    def waiter(self, topic: Topic[IdT], key: IdT) -> "Waiter":
        """Wait for the next words about one key."""
        ...


class Waiter(Protocol):
    """One listener's place in line for one key; use it as a context manager."""

    def __enter__(self) -> "Waiter": ...

    def __exit__(self, *exc: object) -> None: ...

    async def next(self, timeout: float) -> bool:
        """True as soon as the key was said since the last call (or since entering), False after `timeout` seconds."""
        ...
