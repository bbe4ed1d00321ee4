"""A small step is believed, the process ends, and the wall clock is set back: the next process knows the step."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from verification.simulation.clients.administration import administer
from verification.simulation.events import apply_event
from verification.simulation.plan import Event
from verification.simulation.world.installation import BY_VIN
from verification.simulation.world.loop import until
from verification.simulation.world.world import World

from keyturn.clock import SECOND
from tests.verification.simulation.calm import VIN, calm_world, lived

BELIEVED, BACK = 1.9, 90.0
DOWN = 5.0
GRACE = 2.0
STEP = Event(0.0, "clock set forward", VIN, BELIEVED)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Its plan says that clocks are set, so that commits are noted."""
    with calm_world(tmp_path, STEP) as made:
        yield made


async def just_looked(world: World) -> None:
    """The engine compares the clocks once a second: it has just done so."""
    await until(lambda: world.loop.time() % 1.0 < 0.1, 2.0, 0.05)
    await asyncio.sleep(0.1)


async def set_back_and_started(world: World) -> None:
    world.clock.step(-BACK)
    await until(lambda: bool(world.living()), DOWN + 1.0, 0.1)
    await asyncio.sleep(1.0)


def lead(world: World) -> float:
    """Seconds by which the store's time is ahead of the true one."""
    return (world.store_now() - world.clock.true()) / SECOND


def test_a_process_that_was_killed_leaves_the_time_of_its_last_commit(world: World) -> None:
    async def story() -> None:
        await just_looked(world)
        apply_event(world, STEP)
        notice = {"vehicle": BY_VIN[VIN].id, "channel": "phone"}
        await asyncio.wait([administer(world, world.living()[0], "notice add", notice)])
        world.crash(0, everything=True, restart=DOWN)
        await set_back_and_started(world)

        assert lead(world) == pytest.approx(BELIEVED, abs=0.5)

    lived(world, story())
    assert world.violated == []


def test_a_node_that_stopped_leaves_the_time_that_it_read_last(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """While it waits for the OEM's answer, which does not come, it looks at no clock and commits nothing."""
    monkeypatch.setattr(world.faults, "draw", lambda place: "no answer, not taken" if place == "send" else None)

    async def story() -> None:
        node = world.living()[0]
        node.run(node.post("erp", vin=VIN, command="location"))
        await until(lambda: bool(node.sending), 5.0, 0.01)
        stopping = node.run(node.stop(GRACE))
        await asyncio.sleep(GRACE / 2)
        apply_event(world, STEP)
        assert lead(world) == pytest.approx(BELIEVED), "somebody reads the time"
        await asyncio.wait([stopping])
        world.time_check.stopped()
        world.crash(0, everything=True, restart=DOWN)
        await set_back_and_started(world)

        assert lead(world) == pytest.approx(BELIEVED, abs=0.5)

    lived(world, story())
    assert world.violated == []
