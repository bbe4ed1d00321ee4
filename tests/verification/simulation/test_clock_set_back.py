"""A wall clock that was set back by an hour delays nothing, in the real engine and virtual time.

The store's time stops until the wall clock has caught up, so whatever only looks at the store's time waits for
an hour.
"""

from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from verification.simulation.plan import draw_plan
from verification.simulation.world.clock import START
from verification.simulation.world.data_directory import DataDirectory
from verification.simulation.world.installation import make_template
from verification.simulation.world.loop import VirtualLoop, until
from verification.simulation.world.world import World

from keyturn.clock import SECOND
from keyturn.config.settings import Settings

VIN = "9KTRELAY000000002"
HOUR = 3_600.0


class Planned:
    """Faults one after the other, at one place; then none."""

    def __init__(self, world: World, place: str, *faults: str) -> None:
        self._draw = world.faults.draw
        self._place = place
        self._faults = list(faults)

    def draw(self, place: str) -> str | None:
        if place == self._place and self._faults:
            return self._faults.pop(0)
        return self._draw(place)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """One node that nothing befalls."""
    plan = replace(
        draw_plan(1), nodes=1, in_order=True, rates={}, crashes=(), events=(), policies={}, vins=(VIN,), driving=(),
        settings=Settings(), honours_expiry=False,
    )  # fmt: skip
    with DataDirectory(make_template(tmp_path / "template"), tmp_path / "site") as data_dir:
        data_dir.refresh()
        world = World(plan, data_dir, VirtualLoop(None))
        yield world
        world.close()
        world.loop.close()


def lived(world: World, story: Coroutine[Any, Any, None]) -> None:
    async def begun() -> None:
        world.begin()
        await until(lambda: bool(world.living()), 60.0, 0.1)
        await story

    world.loop.run_until_complete(world.loop.create_task(begun(), context=world.cloud.world.copy()))


async def answered(world: World, command: str, code: str | None = None) -> tuple[dict[str, Any], float]:
    """What is answered, and after how many seconds."""
    asked_at = world.loop.time()
    _, body = await world.living()[0].post("erp", vin=VIN, command=command, code=code)
    return body, world.loop.time() - asked_at


@pytest.mark.parametrize("when", ["before the request", "while it waits"])
def test_a_caller_is_answered_when_the_wait_is_over(world: World, when: str, monkeypatch: pytest.MonkeyPatch) -> None:
    faults = Planned(world, "send", "no answer, not taken")
    monkeypatch.setattr(world.faults, "draw", faults.draw)
    if when == "before the request":
        world.loop.call_later(0.5, world.clock.step, -HOUR)
        asked_at = 1.0
    else:
        world.loop.call_later(2.0, world.clock.step, -HOUR)
        asked_at = 0.0

    async def story() -> None:
        await until(lambda: world.loop.time() >= asked_at, 10.0, 0.1)
        body, seconds = await answered(world, "location")
        assert body["status"] == "Pending"
        assert 4.9 < seconds < 6.0

    lived(world, story())


def test_what_restores_is_tried_again_at_its_usual_pace(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    faults = Planned(world, "send", *["refused for now"] * 3)
    monkeypatch.setattr(world.faults, "draw", faults.draw)
    monkeypatch.setattr("verification.simulation.world.connector._PAUSES", (None,))
    world.cloud.cars[VIN].obey(START - SECOND, "disable_ignition")

    async def story() -> None:
        code = (await answered(world, "enable_ignition"))[0]["code"]
        world.clock.step(-HOUR)
        await answered(world, "enable_ignition", str(code))
        began = world.loop.time()
        assert await until(lambda: bool(world.cloud.ledger), 60.0, 0.1)
        assert world.loop.time() - began < 15.0

    lived(world, story())
    assert [act.name for act in world.cloud.ledger] == ["enable_ignition"]
    assert len(world.cloud.sendings) == 4
