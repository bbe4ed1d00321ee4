"""The metric of final commands: each is counted by its name and the state that it ended in."""

import pytest

from tests.support.server_env import ServerEnv

pytestmark = pytest.mark.anyio


def counted(s: ServerEnv, command: str, state: str) -> float:
    wanted = f'keyturn_commands_final_total{{command="{command}",state="{state}"}} '
    lines = s.node.metrics.render().decode().splitlines()
    return next((float(line.removeprefix(wanted)) for line in lines if line.startswith(wanted)), 0.0)


def both(s: ServerEnv) -> list[float]:
    return [counted(s, "alert", "Executed"), counted(s, "diagnostics", "Executed")]


async def test_commands_that_became_final_are_counted_once_each(shared: ServerEnv, vin: str) -> None:
    before = both(shared)

    await shared.done(vin, "alert")
    await shared.done(vin, "diagnostics")

    wanted = [count + 1 for count in before]
    await shared.eventually(lambda: both(shared) == wanted)
