"""What the harness waits for is judged by the store's time, also while the wall clock is hours ahead of it."""

from collections.abc import Coroutine, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from msgspec.structs import replace
from verification.simulation.clients import operators
from verification.simulation.plan import draw_plan
from verification.simulation.world.clock import START
from verification.simulation.world.data_directory import DataDirectory
from verification.simulation.world.installation import make_template
from verification.simulation.world.loop import VirtualLoop, until
from verification.simulation.world.time_check import JUMP
from verification.simulation.world.world import World

from keyturn.clock import SECOND, after, seconds_between
from keyturn.config.settings import Settings
from verification.simulation import recovery_check

VIN, OTHER = "9KTRELAY000000002", "9KTCL0UD000000001"
TEN_MINUTES = 600.0


class Patient(Random):
    """Lets every switch end by itself, and throws the next over one account."""

    def random(self) -> float:
        return 0.9

    def choice(self, seq: Any) -> Any:
        return seq[-1]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """One node that nothing befalls, and a wall clock that jumps ahead."""
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
        world.clock.step(JUMP)
        world.calm = True
        await story

    world.loop.run_until_complete(world.loop.create_task(begun(), context=world.cloud.world.copy()))


def test_the_time_of_the_store_is_known_whether_its_node_lives_or_not(world: World) -> None:
    async def story() -> None:
        assert world.store_now() == pytest.approx(START + world.loop.time() * SECOND, abs=10)
        world.crash(0, everything=True, restart=60.0)
        world.loop.skip(30.0)
        assert world.store_now() == pytest.approx(START + world.loop.time() * SECOND, abs=10)

    lived(world, story())
    assert world.violated == []


def test_switches_that_are_left_to_end_have_ended(world: World) -> None:
    """Also one that is thrown over another account once the first has ended."""
    world.cloud.cars[VIN].obey(START, "disable_ignition")

    async def story() -> None:
        await recovery_check._hold_up(world, OTHER, Patient())
        assert world.rows(recovery_check._THROWN)

        assert await recovery_check._released(world, Patient()) == ()

        assert len(world.rows("SELECT 1 FROM entry WHERE kind = 'switch.activated'")) == 2
        assert not world.rows(recovery_check._IN_FORCE, world.store_now())

    lived(world, story())
    assert world.violated == []


def test_an_operator_who_looks_away_comes_back_just_before_the_deadline(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story() -> None:
        deadline = after(world.store_now(), TEN_MINUTES)
        monkeypatch.setattr(world, "rows", lambda sql, *_: [(deadline,)] if sql == operators._DEADLINE else [])

        await operators.Operators(world, Random(1))._look_away("a command")

        assert seconds_between(world.store_now(), deadline) == pytest.approx(2.0, abs=0.01)

    lived(world, story())
