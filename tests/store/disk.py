"""Disks that a test holds back or counts: they stand where the thread that waits for the disk does."""

from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Any


class HeldDisk(Executor):
    """Does nothing of what it was given before `release`."""

    def __init__(self) -> None:
        self._held: list[Callable[[], None]] = []
        self.free = False

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self._held.append(lambda: future.set_result(fn(*args, **kwargs)))
        if self.free:
            self.release()
        return future

    def release(self) -> None:
        """Do what was given so far."""
        held, self._held = self._held, []
        for call in held:
            call()

    def set_free(self) -> None:
        """Hold nothing back any more."""
        self.free = True
        self.release()

    @property
    def busy(self) -> bool:
        """Whether something waits to be released."""
        return bool(self._held)


class CountingDisk(ThreadPoolExecutor):
    """A thread that knows how many calls it was given."""

    def __init__(self) -> None:
        super().__init__(1)
        self.calls = 0

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.calls += 1
        return super().submit(fn, *args, **kwargs)
