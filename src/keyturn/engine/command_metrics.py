"""Metrics of commands: open ones by state, and those that became final."""

import asyncio
from collections import Counter
from functools import partial

from keyturn.bus.port import RowListener
from keyturn.bus.topics import CommandId
from keyturn.commands.model import record
from keyturn.commands.model.record import Command
from keyturn.commands.model.states import State
from keyturn.store.port import Store
from keyturn.telemetry.metrics import Metrics

_AT_ONCE = 500
"""Commands counted in one turn of the event loop."""


def count_final(metrics: Metrics) -> RowListener[CommandId]:
    """The listener of `COMMAND_FINAL`: counts commands that this process made final."""

    def count(_command_id: CommandId, command: Command | None) -> None:
        if command is not None:
            metrics.count_final(command.name, command.state)

    return count


async def count_open(store: Store, metrics: Metrics) -> None:
    """Bring the gauge of open commands up to date, some in each turn of the loop."""
    counts: Counter[str] = Counter()
    after = ""
    while page := await store.read(partial(record.open_states, after=after, limit=_AT_ONCE)):
        counts.update(state for _, state in page)
        after = page[-1][0]
        await asyncio.sleep(0)
    for state in State:
        metrics.set_open(state, counts[state])
