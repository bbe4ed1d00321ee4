"""A world of the simulation that nothing befalls but what a test does to it."""

from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from msgspec.structs import replace
from verification.simulation.plan import Event, draw_plan
from verification.simulation.world.data_directory import DataDirectory
from verification.simulation.world.installation import make_template
from verification.simulation.world.loop import VirtualLoop, until
from verification.simulation.world.world import World

from keyturn.config.settings import Settings

VIN = "9KTRELAY000000002"
"""The vehicle of its plan."""


@contextmanager
def calm_world(folder: Path, *events: Event) -> Iterator[World]:
    """One node. The plan names `events`, and nothing makes them happen."""
    plan = replace(
        draw_plan(1), nodes=1, in_order=True, rates={}, crashes=(), events=events, policies={}, vins=(VIN,), driving=(),
        settings=Settings(), honours_expiry=False,
    )  # fmt: skip
    with DataDirectory(make_template(folder / "template"), folder / "site") as data_dir:
        data_dir.refresh()
        world = World(plan, data_dir, VirtualLoop(None))
        yield world
        world.close()
        world.loop.close()


def lived(world: World, story: Coroutine[Any, Any, None]) -> None:
    """Run the story once the node is up."""

    async def begun() -> None:
        world.begin()
        await until(lambda: bool(world.living()), 60.0, 0.1)
        await story

    world.loop.run_until_complete(world.loop.create_task(begun(), context=world.cloud.world.copy()))
