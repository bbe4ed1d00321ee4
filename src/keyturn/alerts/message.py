"""The message of an alert, and the channels that deliver it; its text is the same on every channel."""

from typing import Protocol

import msgspec


class Origin(msgspec.Struct, frozen=True):
    """Ids of the entry that an alert is about."""

    seq: int
    actor: str
    vehicle: str | None = None
    command: str | None = None


class Message(msgspec.Struct, frozen=True):
    """Holds ids and numbers, never a secret or a code. `id` is the same in every attempt to send it."""

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
    """Number of entries that it is about."""


def with_count(message: Message, count: int, last_seq: int) -> Message:
    """The message for `count` entries; `message` is about the first of them, `last_seq` about the last."""
    if count == 1 or message.entry is None:
        return message
    text = f"{count} times, entries {message.entry.seq} to {last_seq}. The first of them:\n\n{message.text}"
    return msgspec.structs.replace(message, subject=f"{message.subject} ({count} times)", text=text, count=count)


class QueuedMessage(msgspec.Struct, frozen=True):
    """A message that waits on one channel; `reached`: recipients that have it already."""

    seq: int
    message: Message
    reached: tuple[str, ...] = ()


class NotDelivered(Exception):
    """A message reached only the recipients in `reached`. The text quotes nothing that the receiver sent."""

    def __init__(self, reason: str, reached: tuple[str, ...] = ()) -> None:
        super().__init__(reason)
        self.reached = reached


class Channel(Protocol):
    """Delivers messages to people or programs outside."""

    @property
    def name(self) -> str:
        """Its name in the list of alerts and in the metrics."""
        ...

    async def send(self, queued: QueuedMessage) -> None:
        """Deliver within the channel's own time limit. Raises `NotDelivered`."""
        ...
