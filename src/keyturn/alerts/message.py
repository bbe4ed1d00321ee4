"""What an alert says, in the same words on every channel.

A channel carries messages to people or programs outside.
"""

from typing import Protocol

import msgspec


class Origin(msgspec.Struct, frozen=True):
    """Ids of the entry that an alert tells of."""

    seq: int
    actor: str
    vehicle: str | None = None
    command: str | None = None


class Message(msgspec.Struct, frozen=True):
    """Ids and numbers, never a secret or a code. `id` stays the same however often it is sent."""

    id: str
    kind: str
    severity: str
    at: str
    """RFC 3339."""
    company: str | None
    """Id; None: the installation's own."""
    subject: str
    text: str
    entry: Origin | None
    """None: a test."""
    count: int = 1
    """Entries that it tells of."""


def with_count(message: Message, count: int, last_seq: int) -> Message:
    """The message for `count` entries, of which it tells the first."""
    if count == 1 or message.entry is None:
        return message
    told = f"{count} times, entries {message.entry.seq} to {last_seq}. The first of them:\n\n{message.text}"
    return msgspec.structs.replace(message, subject=f"{message.subject} ({count} times)", text=told, count=count)


class QueuedMessage(msgspec.Struct, frozen=True):
    """A message that waits on one channel; `reached` are those who have it already."""

    seq: int
    message: Message
    reached: tuple[str, ...] = ()


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
