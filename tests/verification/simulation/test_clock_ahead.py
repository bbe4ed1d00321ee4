"""What the harness waits for is judged by the store's time, also while the wall clock is hours ahead of it."""

from collections.abc import Coroutine
from random import Random
from typing import Any

import pytest
from verification.simulation.clients import operators
from verification.simulation.world.clock import START
from verification.simulation.world.time_check import JUMP
from verification.simulation.world.world import World

from keyturn.clock import SECOND, after, seconds_between
from tests.verification.simulation.calm import VIN, lived
from verification.simulation import recovery_check

OTHER = "9KTCL0UD000000001"
TEN_MINUTES = 600.0


class Patient(Random):
    """Lets every switch end by itself, and throws the next over one account."""

    def random(self) -> float:
        return 0.9

    def choice(self, seq: Any) -> Any:
        return seq[-1]


def lived_with_a_jump(world: World, story: Coroutine[Any, Any, None]) -> None:
    async def begun() -> None:
        world.clock.step(JUMP)
        world.calm = True
        await story

    lived(world, begun())


def test_the_time_of_the_store_is_known_whether_its_node_lives_or_not(world: World) -> None:
    async def story() -> None:
        assert world.store_now() == pytest.approx(START + world.loop.time() * SECOND, abs=10)
        world.crash(0, everything=True, restart=60.0)
        world.loop.skip(30.0)
        assert world.store_now() == pytest.approx(START + world.loop.time() * SECOND, abs=10)

    lived_with_a_jump(world, story())
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

    lived_with_a_jump(world, story())
    assert world.violated == []


def test_an_operator_who_looks_away_comes_back_just_before_the_deadline(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story() -> None:
        deadline = after(world.store_now(), TEN_MINUTES)
        monkeypatch.setattr(world, "rows", lambda sql, *_: [(deadline,)] if sql == operators._DEADLINE else [])

        await operators.Operators(world, Random(1))._look_away("a command")

        assert seconds_between(world.store_now(), deadline) == pytest.approx(2.0, abs=0.01)

    lived_with_a_jump(world, story())
