"""The one writer: queues units of work, and makes a batch of them durable with one COMMIT (group commit).

Units run in the event loop's thread; only COMMIT, which waits for the disk, runs in another one. Python releases the
interpreter lock around every statement, so units in a separate thread would wait for a busy loop at each statement.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future
from functools import partial
from typing import TypeVar

import apsw
import structlog

from keyturn.store.port import Announce, OnBatch, StoreUnavailable, Tx
from keyturn.store.sqlite.batch import Batch, Conclusion, ResultFuture, fail_all
from keyturn.store.sqlite.checkpoints import Checkpoints
from keyturn.store.sqlite.facts import prove_writable
from keyturn.timekeeping import Timekeeper

BATCH_UNITS = 256
"""Maximum number of units in one transaction."""
BATCH_SECONDS = 0.004
"""A batch accepts no further unit after this time in seconds, so that the loop can run other tasks."""
PROBE_SECONDS = 0.25
"""Seconds between two probes while the store is unavailable."""

T = TypeVar("T")


class Writer:
    """Owns the writing connection. `disk` runs one call at a time, outside the loop's thread."""

    def __init__(
        self,
        connection: apsw.Connection,
        checkpoints: Checkpoints,
        time: Timekeeper,
        announce: Announce,
        on_batch: OnBatch,
        disk: Executor,
    ) -> None:
        self.failure: str | None = None
        self.conclusion: Conclusion = lambda tx, _notes: tx.write_notes()
        self._connection = connection
        self._checkpoints = checkpoints
        self._time = time
        self._announce = announce
        self._on_batch = on_batch
        self._disk = disk
        self._waiting: deque[tuple[Callable[[Tx], object], ResultFuture]] = deque()
        self._idle = asyncio.Event()
        self._idle.set()
        self._probe: asyncio.TimerHandle | None = None
        self._closed = False

    def submit(self, work: Callable[[Tx], object]) -> ResultFuture:
        """Queue a unit; returns the future of its result. Raises StoreUnavailable."""
        if self._closed or self.failure is not None:
            raise StoreUnavailable(self.failure or "The store is closed.")
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        self._waiting.append((work, future))
        if self._idle.is_set():
            self._idle.clear()
            loop.call_soon(self._run_batch, loop)
        return future

    async def drain(self) -> None:
        """Accept no further units, and commit those in the queue."""
        self._closed = True
        await self._idle.wait()
        if self._probe is not None:
            self._probe.cancel()

    async def close(self) -> None:
        """Close the connection, after pending calls of `disk`."""
        await asyncio.get_running_loop().run_in_executor(self._disk, self._close)

    def _close(self) -> None:
        self._checkpoints.close()
        self._connection.close()

    def _run_batch(self, loop: asyncio.AbstractEventLoop) -> None:
        batch = Batch(self._connection, self._time.moment(), self._time.unsaved())
        started = self._time.monotonic()
        try:
            batch.begin()
            self._fill(batch, started + BATCH_SECONDS)
            batch.conclude(self.conclusion)
        except Exception as error:
            self._batch_failed(loop, batch, error)
            return
        finally:
            batch.end()
        commit = self._checkpoints.commit
        self._run_on_disk(loop, commit, partial(self._committed, loop, batch, started))

    def _fill(self, batch: Batch, until: float) -> None:
        while self._waiting and len(batch) < BATCH_UNITS and self._time.monotonic() < until:
            work, future = self._waiting.popleft()
            if not future.done():  # else the caller was cancelled
                batch.run(work, future)

    def _committed(self, loop: asyncio.AbstractEventLoop, batch: Batch, started: float, commit: Future[None]) -> None:
        error = commit.exception()
        if error is not None:
            self._batch_failed(loop, batch, error)
            return
        if batch.clocks is not None:
            self._time.saved(batch.clocks)
        batch.resolve()
        self._checkpoints.start_if_due()
        if self._waiting:
            loop.call_soon(self._run_batch, loop)
        else:
            self._idle.set()
        for (topic, key), row in {(topic, key): row for topic, key, row in batch.tx.announced}.items():
            self._announce(topic, key, row)
        self._on_batch(len(batch), self._time.monotonic() - started)

    def _run_on_disk(
        self, loop: asyncio.AbstractEventLoop, call: Callable[[], T], then: Callable[[Future[T]], None]
    ) -> None:
        self._disk.submit(call).add_done_callback(lambda done: loop.call_soon_threadsafe(then, done))

    def _batch_failed(self, loop: asyncio.AbstractEventLoop, batch: Batch, error: BaseException) -> None:
        self.failure = f"The store cannot write: {error}."
        structlog.get_logger(__name__).error("store_unavailable", reason=str(error), units=len(batch))
        batch.fail(self.failure)
        fail_all((future for _, future in self._waiting), self.failure)
        self._waiting.clear()
        self._idle.set()
        self._probe_later(loop)

    def _probe_later(self, loop: asyncio.AbstractEventLoop) -> None:
        if not self._closed:
            self._probe = loop.call_later(PROBE_SECONDS, self._probe_now, loop)

    def _probe_now(self, loop: asyncio.AbstractEventLoop) -> None:
        self._run_on_disk(loop, partial(prove_writable, self._connection), partial(self._probed, loop))

    def _probed(self, loop: asyncio.AbstractEventLoop, probe: Future[int]) -> None:
        if probe.exception() is not None:
            self._probe_later(loop)
            return
        self._time.raise_to(probe.result())
        self.failure = None
        structlog.get_logger(__name__).info("store_available")
