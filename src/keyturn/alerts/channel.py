"""A channel carries messages to people or programs outside."""

from typing import Protocol

from keyturn.alerts.outbox import QueuedMessage


class NotDelivered(Exception):
    """A message did not reach everybody, only those in `reached`. The text holds nothing that the far side said."""

    def __init__(self, reason: str, reached: tuple[str, ...] = ()) -> None:
        super().__init__(reason)
        self.reached = reached


class Channel(Protocol):
    """One way out."""

    @property
    def name(self) -> str:
        """As in the list of alerts and in the metrics."""
        ...

    async def send(self, letter: QueuedMessage) -> None:
        """Raises `NotDelivered`, within the channel's own time limit."""
        ...
