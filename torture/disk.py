"""The disk below the store: commits take virtual time, and fail before or after they were done."""

import sqlite3
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any

from .faults import Faults
from .loop import VirtualLoop

_QUICK = 0.002
"""Seconds of an ordinary commit at most."""
_SLOW = 8.0


class Disk(Executor):
    """Runs the store's calls in the loop's thread, later. `commits` counts them."""

    def __init__(self, loop: VirtualLoop, faults: Faults) -> None:
        self._loop = loop
        self._faults = faults
        self.commits = 0
        self.on_commit: Callable[[int], None] = lambda _count: None
        self.committed: Callable[[], None] = lambda: None

    def submit(self, call: Callable[..., Any], /, *args: Any, **named: Any) -> "Future[Any]":
        done: Future[Any] = Future()
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
        error = sqlite3.OperationalError(fault)
        error.sqlite_errorcode = sqlite3.SQLITE_FULL if fault == "disk full" else sqlite3.SQLITE_IOERR
        raise error
