"""The alert service of one node: turns entries into messages, and sends them on every channel."""

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial

from keyturn.alerts import backups, batching, entries, outbox
from keyturn.alerts.delivery import Delivery
from keyturn.alerts.message import Channel
from keyturn.clock import Clock
from keyturn.store.background import run_periodically
from keyturn.store.port import Store
from keyturn.telemetry.metrics import Metrics

_INTERVAL = 1.0
"""Seconds between two passes over the entries, and over each outbox."""
_CLEANUP_INTERVAL = 60.0


class Alerts:
    """Start it before anything that writes entries; stop it before the store closes."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        channels: Sequence[Channel],
        metrics: Metrics,
        *,
        backup_max_age: float = 0.0,
        every: float = _INTERVAL,
    ) -> None:
        self._store = store
        self._metrics = metrics
        self._backup_max_age = backup_max_age
        self._every = every
        self._names = tuple(channel.name for channel in channels)
        self._deliveries = [Delivery(store, clock, channel, metrics) for channel in channels]
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Continue with what an earlier process left. Without a channel, do nothing."""
        if not self._names:
            return
        await self._store.write(entries.begin)
        tasks = [
            run_periodically(self._collect, self._every, "alerts"),
            run_periodically(self._clean_up, _CLEANUP_INTERVAL, "tidy alerts"),
        ]
        tasks += [
            run_periodically(delivery.deliver_due, self._every, "deliver alerts") for delivery in self._deliveries
        ]
        self._tasks = [asyncio.create_task(task, name="alerts") for task in tasks]

    async def stop(self) -> None:
        """Stop the tasks; unsent messages stay in the outbox."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _collect(self) -> None:
        more = await self._store.read(batching.has_new_entries)
        while more:
            more = await self._store.write(partial(batching.collect, channels=self._names))
        self._count(await self._store.read(outbox.unsent))

    def _count(self, unsent: Mapping[str, int]) -> None:
        for name in self._names:
            self._metrics.set_alerts_unsent(name, unsent.get(name, 0))

    async def _clean_up(self) -> None:
        await self._store.write(outbox.delete_expired)
        if self._backup_max_age:
            await self._store.write(partial(backups.report_if_old, max_age=self._backup_max_age))
