"""Metrics of commands that are read from the store: open ones by state, and those that became final."""

import asyncio
from contextlib import suppress
from functools import partial

from keyturn.bus.topics import CommandId
from keyturn.commands.model import record
from keyturn.commands.model.states import State
from keyturn.store.port import Store, StoreUnavailable
from keyturn.telemetry.metrics import Metrics


class FinalCounter:
    """Counts commands that became final, by their rows: a message brings no more than an id."""

    def __init__(self, store: Store, metrics: Metrics) -> None:
        self._store = store
        self._metrics = metrics
        self._noted: asyncio.Queue[CommandId] = asyncio.Queue()

    def note(self, command_id: CommandId) -> None:
        """Listener of `COMMAND_FINAL`."""
        self._noted.put_nowait(command_id)

    async def run(self) -> None:
        """For ever: one read for all that came at once. What cannot be read is not counted."""
        while True:
            noted = [await self._noted.get()]
            while not self._noted.empty():
                noted.append(self._noted.get_nowait())
            with suppress(StoreUnavailable):
                for name, state in await self._store.read(partial(record.names_and_states, command_ids=noted)):
                    self._metrics.count_final(name, state)


async def count_open(store: Store, metrics: Metrics) -> None:
    """Bring the gauge of open commands up to date."""
    counts: dict[str, int] = dict(await store.read(record.count_open))
    for state in State:
        metrics.set_open(state, counts.get(state, 0))
