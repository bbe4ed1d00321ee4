"""System calls of a server under load, with the guarantees that must be kept."""

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from verification.durability.disk import EVERYTHING, Disk, Image
from verification.durability.files import FileEvent, Sync, file_events, moment
from verification.durability.guarantees import Guarantee, guarantees
from verification.durability.load import Asked
from verification.durability.strace import NEVER, read_calls
from verification.durability.wire_log import Message, answers, orders


@dataclass(frozen=True)
class Recording:
    """`base` is the data directory as it was, durable, before the server started."""

    base: Image
    events: list[FileEvent]
    """In the order of their moments."""
    guarantees: list[Guarantee]
    orders: list[Message]

    @property
    def syncs(self) -> list[Sync]:
        return [event for event in self.events if isinstance(event, Sync) and event.ended != NEVER]

    @property
    def end(self) -> int:
        """A moment after everything."""
        last = (max(event.began, event.ended if event.ended != NEVER else 0) for event in self.events)
        return max((*last, *(made.began for made in self.guarantees)), default=0) + 1

    def then(self, later: "Recording") -> "Recording":
        """This one, and that of the next server on the same data.

        A kill leaves the page cache: what this one wrote is there for the next, and as durable as it was.
        """
        gone, shift = self.end, self.end + 1
        return Recording(
            self.base,
            [*_until(self.events, gone), *(_later(event, shift) for event in later.events)],
            [*self.guarantees, *(guarantee._replace(began=guarantee.began + shift) for guarantee in later.guarantees)],
            [*self.orders, *(order._replace(began=order.began + shift) for order in later.orders)],
        )

    def check_complete(self, left: Image) -> None:
        """Raises UnexplainedChange where the files that are left differ from what all of its calls make of its base."""
        finished = replace(self, events=[event for event in self.events if event.ended != NEVER])
        made, without = self._made(), finished._made()
        if left not in (made, without):  # a kill may have come before or after what it cut off
            raise UnexplainedChange(", ".join(name for name in made.keys() | left if made.get(name) != left.get(name)))

    def _made(self) -> Image:
        """The files as the process saw them in the end."""
        replay = self.replay(random.Random(0))
        replay.advance(self.end)
        return replay.disk.image(EVERYTHING, random.Random(0))

    def replay(self, chance: random.Random) -> "Replay":
        """Its disk, from the beginning."""
        return Replay(Disk(self.base, chance), iter(self.events))


class UnexplainedChange(RuntimeError):
    """The files are not what the recorded calls made of them: something was written in another way."""


class Replay:
    """A disk that goes through the events of a recording."""

    def __init__(self, disk: Disk, events: Iterator[FileEvent]) -> None:
        self.disk = disk
        self._events = events
        self._next = next(events, None)

    def advance(self, until: int) -> None:
        """Everything before that moment has happened."""
        while self._next is not None and moment(self._next) < until:
            self.disk.take(self._next)
            self._next = next(self._events, None)


def _until(events: Iterable[FileEvent], killed: int) -> Iterator[FileEvent]:
    """A change that the kill cut off ends with it; a sync that it cut off covered nothing."""
    for event in events:
        if event.ended != NEVER:
            yield event
        elif not isinstance(event, Sync):
            yield event._replace(ended=killed)


def _later(event: FileEvent, by: int) -> FileEvent:
    ended = event.ended if event.ended == NEVER else event.ended + by
    return event._replace(began=event.began + by, ended=ended)


def read_recording(log: Path, data: Path, base: Image, port: int, oem_port: int, asked: Asked) -> Recording:
    """Reads the log of a server with this data, at these ports."""
    with log.open(encoding="ascii", errors="replace") as lines:
        calls = read_calls(lines)
    made = guarantees(answers(calls, port), asked)
    return Recording(base, file_events(calls, data), made, orders(calls, oem_port))


def stored(data: Path) -> Image:
    """The files of a data directory that no server has open."""
    return {path.name: path.read_bytes() for path in data.iterdir() if path.is_file() and path.suffix != ".db-shm"}
