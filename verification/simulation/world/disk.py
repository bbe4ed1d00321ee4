"""The disk below the store: commits take virtual time, and fail before or after they were done."""

from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any

import apsw

from verification.simulation.world.faults import Faults
from verification.simulation.world.loop import VirtualLoop

_QUICK = 0.002
"""Seconds of an ordinary commit at most."""
_SLOW = 8.0


class Done(Future[Any]):
    """A `Future` for one thread: no lock, no condition. It is never waited for, and cannot be cancelled."""

    def __init__(self) -> None:
        self._value: Any = None
        self._error: BaseException | None = None
        self._callbacks: list[Callable[[Future[Any]], object]] = []

    def add_done_callback(self, fn: Callable[[Future[Any]], object]) -> None:
        self._callbacks.append(fn)

    def set_result(self, result: Any) -> None:
        self._value = result
        self._run_callbacks()

    def set_exception(self, exception: BaseException | None) -> None:
        self._error = exception
        self._run_callbacks()

    def result(self, timeout: float | None = None) -> Any:
        if self._error is not None:
            raise self._error
        return self._value

    def exception(self, timeout: float | None = None) -> BaseException | None:
        return self._error

    def _run_callbacks(self) -> None:
        for callback in self._callbacks:
            callback(self)


class AtOnce(Executor):
    """Runs a call in place: nothing else runs beside it in a world of one thread."""

    def submit(self, call: Callable[..., Any], /, *args: Any, **named: Any) -> "Future[Any]":
        done = Done()
        done.set_result(call(*args, **named))
        return done


class Disk(Executor):
    """Runs the store's calls in the loop's thread, later. `commits` counts them."""

    def __init__(self, loop: VirtualLoop, faults: Faults) -> None:
        self._loop = loop
        self._faults = faults
        self.commits = 0
        self.on_commit: Callable[[int], None] = lambda _count: None
        self.committed: Callable[[], None] = lambda: None

    def submit(self, call: Callable[..., Any], /, *args: Any, **named: Any) -> "Future[Any]":
        done = Done()
        fault = self._faults.draw("disk")
        latency = self._faults.chance.random() * (_SLOW if fault == "slow disk" else _QUICK)
        self._loop.call_later(latency, self._do, done, lambda: call(*args, **named), fault)
        return done

    def _do(self, done: "Future[Any]", call: Callable[[], Any], fault: str | None) -> None:
        self.commits += 1
        self.on_commit(self.commits)
        try:
            _fail(fault, "disk full", "commit fails")
            result = call()
            self.committed()
            _fail(fault, "commit fails after it was done")
        except Exception as error:
            done.set_exception(error)
        else:
            done.set_result(result)


def _fail(fault: str | None, *kinds: str) -> None:
    """Raise as SQLite would, if the fault is one of these."""
    if fault in kinds:
        error: Any = apsw.FullError(fault) if fault == "disk full" else apsw.IOError(fault)
        error.result = apsw.SQLITE_FULL if fault == "disk full" else apsw.SQLITE_IOERR
        raise error
