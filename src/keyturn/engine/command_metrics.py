"""Metrics of commands: open ones by state, and those that became final."""

from keyturn.bus.port import RowListener
from keyturn.bus.topics import CommandId
from keyturn.commands.model import record
from keyturn.commands.model.record import Command
from keyturn.commands.model.states import State
from keyturn.store.port import Store
from keyturn.telemetry.metrics import Metrics


def count_final(metrics: Metrics) -> RowListener[CommandId]:
    """The listener of `COMMAND_FINAL`: counts commands that this process made final."""

    def count(_command_id: CommandId, command: Command | None) -> None:
        if command is not None:
            metrics.count_final(command.name, command.state)

    return count


async def count_open(store: Store, metrics: Metrics) -> None:
    """Bring the gauge of open commands up to date."""
    counts: dict[str, int] = dict(await store.read(record.count_open))
    for state in State:
        metrics.set_open(state, counts.get(state, 0))
