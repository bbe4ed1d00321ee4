"""The bus port: wake-ups between the parts of a node, and later between nodes.

A message is a topic and an id (`keyturn.bus.topics`). It may be lost, repeated or reordered without harm, because
listeners read the rows.
"""

from collections.abc import Callable
from typing import Any, Protocol

from keyturn.bus.topics import IdT, Topic

Listener = Callable[[IdT], None]
RowListener = Callable[[IdT, Any], None]
"""Gets the id, and the row where the message has it, else None."""


class Bus(Protocol):
    """Publishes to the listeners of this node that the row of an id changed."""

    def publish(self, topic: Topic[IdT], key: IdT, row: object = None) -> None:
        """Call every listener of `topic` for `key`, in the event loop's thread.

        `row` is the row of that id, if this process has just written it; it does not leave this process.
        """
        ...

    def listen(self, topic: Topic[IdT], listener: Listener[IdT]) -> Callable[[], None]:
        """Call `listener(key)` for every key published on `topic`, until the returned function is called."""
        ...

    def listen_for_rows(self, topic: Topic[IdT], listener: RowListener[IdT]) -> Callable[[], None]:
        """As `listen`, with `listener(key, row)`."""
        ...

    def waiter(self, topic: Topic[IdT], key: IdT) -> "Waiter":
        """A waiter for messages about one key."""
        ...


class Waiter(Protocol):
    """Waits for messages about one key; use it as a context manager."""

    @property
    def row(self) -> Any:
        """The row of the newest message; None: it has none."""
        ...

    def __enter__(self) -> "Waiter": ...

    def __exit__(self, *exc: object) -> None: ...

    async def next(self, timeout: float) -> bool:
        """True once the key was published since the last call (or since entering); False after `timeout` seconds."""
        ...
