"""Changes that a server made to the files of its data directory, as a typed list."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from verification.durability.strace import NEVER, Call

DIRECTORY = ""
"""Stands for the data directory itself."""
_UNSTORED = ("-shm",)
"""SQLite builds its shared memory anew after a power cut."""


class UnknownCall(ValueError):
    """A file was changed in a way that the model of the disk does not know."""


class Write(NamedTuple):
    began: int
    ended: int
    name: str
    offset: int
    data: bytes


class Resize(NamedTuple):
    began: int
    ended: int
    name: str
    size: int


class Remove(NamedTuple):
    began: int
    ended: int
    name: str


class Sync(NamedTuple):
    """Covers the changes that ended before it began, once it has ended; `done` is whether it succeeded."""

    began: int
    ended: int
    name: str
    done: bool


FileEvent = Write | Resize | Remove | Sync
_Reading = Callable[[Call, str], FileEvent]


def moment(event: FileEvent) -> int:
    """When it can first be seen on the disk: a change from its beginning on, a sync at its end."""
    return event.ended if isinstance(event, Sync) else event.began


def file_events(calls: Iterable[Call], data: Path) -> list[FileEvent]:
    """In the order of their moments. Raises UnknownCall."""
    return sorted(_events(calls, data), key=moment)


def _events(calls: Iterable[Call], data: Path) -> Iterator[FileEvent]:
    for call in calls:
        path = call.buffers()[0].decode() if call.name in _BY_PATH else call.subject
        name = _name(path, data)
        changes_nothing = call.name in _READS or (_failed(call) and call.name not in _SYNCS)
        if name is None or changes_nothing:
            continue
        reading = _READINGS.get(call.name)
        if reading is None:
            raise UnknownCall(f"{call.name} of {path}")
        yield reading(call, name)


def _failed(call: Call) -> bool:
    return call.result is not None and call.result < 0


def _name(path: str, data: Path) -> str | None:
    """The file's name; None for what does not belong to the stored state."""
    inside = path == str(data) or path.startswith(f"{data}/")
    if not inside or path.endswith(_UNSTORED):
        return None
    return path.removeprefix(str(data)).lstrip("/")


def _write(call: Call, name: str) -> Write:
    (data,) = call.buffers()
    written = data if call.result is None else data[: call.result]
    return Write(call.began, call.ended, name, call.last_number(), written)


def _resize(call: Call, name: str) -> Resize:
    return Resize(call.began, call.ended, name, call.last_number())


def _remove(call: Call, name: str) -> Remove:
    return Remove(call.began, call.ended, name)


def _sync(call: Call, name: str) -> Sync:
    return Sync(call.began, call.ended if call.result is not None else NEVER, name, done=call.result == 0)


_READS = ("pread64",)
_SYNCS = ("fdatasync", "fsync")
_BY_PATH = ("unlink", "rename", "truncate")
_READINGS: dict[str, _Reading] = {
    "pwrite64": _write,
    "ftruncate": _resize,
    "unlink": _remove,
    "fdatasync": _sync,
    "fsync": _sync,
}
