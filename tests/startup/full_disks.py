"""Disks that fill up under a server, and get space again."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

from .privileges import memory_disk

_SIZE = 3_000_000


class Disk(Protocol):
    """Where a server's data is."""

    at: Path

    def fill(self, pid: int) -> None:
        """Nothing more can be written to it by that process."""
        ...

    def free(self, pid: int) -> None:
        """There is space again."""
        ...


class LimitedProcess:
    """The process may make no file longer than it is, as with a quota: every write fails, its log's too."""

    def __init__(self, at: Path) -> None:
        self.at = at
        self._before: tuple[int, int] | None = None

    def fill(self, pid: int) -> None:
        self._before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, self._before[1]))

    def free(self, pid: int) -> None:
        assert self._before is not None
        resource.prlimit(pid, resource.RLIMIT_FSIZE, self._before)


class SmallDisk:
    """A file system of its own that something else fills up."""

    def __init__(self, at: Path) -> None:
        self.at = at
        self._filler = at / "filler"

    def fill(self, pid: int) -> None:
        with suppress(OSError), self._filler.open("wb", buffering=0) as filler:
            while True:
                filler.write(bytes(4096))

    def free(self, pid: int) -> None:
        self._filler.unlink()


@contextmanager
def limited_process(at: Path) -> Iterator[Disk]:
    at.mkdir()
    yield LimitedProcess(at)


@contextmanager
def small_disk(at: Path) -> Iterator[Disk]:
    with memory_disk(at, _SIZE):
        yield SmallDisk(at)
