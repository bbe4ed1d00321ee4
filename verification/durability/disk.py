"""A disk that keeps what was synced, and of everything later whatever a power cut happens to leave."""

import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain

from verification.durability.files import DIRECTORY, FileEvent, Remove, Resize, Sync, Write

SECTOR = 512
"""Bytes that a disk writes whole or not at all."""

Change = Write | Resize
Image = dict[str, bytes]
"""Contents by file name."""


@dataclass(eq=False)
class File:
    """`content` is durable; `pending` came after the last sync, in its order."""

    content: bytearray = field(default_factory=bytearray)
    pending: list[Change] = field(default_factory=list)


class Disk:
    """`chance` decides about data whose sync failed: a kernel may drop it and then call the next sync a success."""

    def __init__(self, files: Mapping[str, bytes], chance: random.Random) -> None:
        self._chance = chance
        self._seen = {name: File(bytearray(content)) for name, content in files.items()}
        self._named = dict(self._seen)
        self._renamed: list[tuple[str, File | None]] = []

    @property
    def unsynced(self) -> int:
        """How many changes are pending."""
        return sum(len(file.pending) for file in self._seen.values()) + len(self._renamed)

    def take(self, event: FileEvent) -> None:
        """The next event, in the order of moments."""
        if isinstance(event, Sync):
            self._sync(event)
        elif isinstance(event, Remove):
            self._seen.pop(event.name, None)
            self._renamed.append((event.name, None))
        else:
            self._file(event.name).pending.append(event)

    def image(self, remnant: "Remnant", chance: random.Random) -> Image:
        """What a power cut leaves now, this much of the unsynced changes included."""
        names = dict(self._named)
        for name, target in self._renamed[: remnant.renames(len(self._renamed), chance)]:
            _rename(names, name, target)
        contents = {name: bytearray(file.content) for name, file in names.items()}
        owners = {id(file): contents[name] for name, file in names.items()}
        for file, change in remnant.left(self._in_order(), chance):
            if (content := owners.get(id(file))) is not None:
                _apply(content, change)
        return {name: bytes(content) for name, content in contents.items()}

    def _file(self, name: str) -> File:
        if name not in self._seen:
            self._seen[name] = File()
            self._renamed.append((name, self._seen[name]))
        return self._seen[name]

    def _in_order(self) -> list[tuple[File, Change]]:
        files = {id(file): file for file in (*self._seen.values(), *self._named.values())}.values()
        pending = chain.from_iterable(((file, change) for change in file.pending) for file in files)
        return sorted(pending, key=lambda each: each[1].began)

    def _sync(self, sync: Sync) -> None:
        if sync.name == DIRECTORY:
            if sync.done:
                for name, file in self._renamed:
                    _rename(self._named, name, file)
                self._renamed.clear()
            return
        file = self._file(sync.name)
        covered = [change for change in file.pending if change.ended < sync.began]
        file.pending = [change for change in file.pending if change.ended >= sync.began]
        for change in covered:
            if sync.done or self._chance.random() < 0.5:
                _apply(file.content, change)


def _rename(names: dict[str, File], name: str, file: File | None) -> None:
    if file is None:
        names.pop(name, None)
    else:
        names[name] = file


def _apply(content: bytearray, change: Change) -> None:
    if isinstance(change, Resize):
        content[change.size :] = bytes(max(0, change.size - len(content)))
        return
    content.extend(bytes(max(0, change.offset - len(content))))
    content[change.offset : change.offset + len(change.data)] = change.data


Pending = list[tuple[File, Change]]
_Left = Callable[[Pending, random.Random], Iterable[tuple[File, Change]]]


@dataclass(frozen=True)
class Remnant:
    """How much of the unsynced changes a power cut leaves."""

    name: str
    left: _Left
    renames: Callable[[int, random.Random], int] = lambda count, chance: chance.randint(0, count)


def _prefix(pending: Pending, chance: random.Random) -> Pending:
    return pending[: chance.randint(0, len(pending))]


def _torn(pending: Pending, chance: random.Random) -> Pending:
    """A prefix, and the beginning of the change after it."""
    whole = _prefix(pending, chance)
    return [*whole, *_beginning(pending[len(whole) :], chance)]


def _beginning(rest: Pending, chance: random.Random) -> Pending:
    file, write = rest[0] if rest else (None, None)
    if file is None or not isinstance(write, Write):
        return []
    until = chance.randrange(write.offset, write.offset + len(write.data) + 1) // SECTOR * SECTOR
    return [(file, write._replace(data=write.data[: max(0, until - write.offset)]))]


def _subset(pending: Pending, chance: random.Random) -> Pending:
    """Later ones without earlier ones, too."""
    return [each for each in pending if chance.random() < 0.5]


def _scattered(pending: Pending, chance: random.Random) -> Iterator[tuple[File, Change]]:
    """Each sector for itself."""
    for file, change in pending:
        if isinstance(change, Resize):
            if chance.random() < 0.5:
                yield file, change
            continue
        yield from ((file, piece) for piece in _sectors(change) if chance.random() < 0.5)


def _sectors(write: Write) -> Iterator[Write]:
    first = write.offset // SECTOR * SECTOR
    for start in range(first, write.offset + len(write.data), SECTOR):
        begins, ends = max(start, write.offset), min(start + SECTOR, write.offset + len(write.data))
        yield write._replace(offset=begins, data=write.data[begins - write.offset : ends - write.offset])


NOTHING = Remnant("nothing", lambda pending, chance: [], renames=lambda count, chance: 0)
EVERYTHING = Remnant("everything", lambda pending, chance: pending, renames=lambda count, chance: count)
REMNANTS = (
    NOTHING,
    EVERYTHING,
    Remnant("a prefix", _prefix),
    Remnant("a torn write", _torn),
    Remnant("some writes", _subset),
    Remnant("some sectors", _scattered),
)
