"""Virtual time, seeded order, and ends in the middle of an await."""

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import closing
from random import Random
from typing import Any

import pytest
from verification.simulation.world.loop import Lifetime, Stuck, VirtualLoop, context_of


@pytest.fixture
def loop() -> Iterator[VirtualLoop]:
    with closing(VirtualLoop(Random(1))) as loop:
        yield loop


async def order_of(names: str) -> str:
    ran: list[str] = []

    async def step(name: str) -> None:
        await asyncio.sleep(0)
        ran.append(name)

    await asyncio.gather(*map(step, names))
    return "".join(ran)


def outcome(work: Coroutine[Any, Any, str], chance: Random | None) -> str:
    with closing(VirtualLoop(chance)) as loop:
        return loop.run_until_complete(work)


def test_a_year_passes_at_once(loop: VirtualLoop) -> None:
    loop.run_until_complete(asyncio.sleep(31_536_000))

    assert loop.time() == 31_536_000


def test_the_seed_decides_the_order_of_what_is_runnable() -> None:
    orders = [outcome(order_of("abcdef"), Random(seed)) for seed in (1, 1, 2, 3)]

    assert orders[0] == orders[1]
    assert len(set(orders)) > 1
    assert outcome(order_of("abcdef"), None) == "abcdef"


def test_a_process_that_stood_still_is_late_for_every_timer(loop: VirtualLoop) -> None:
    loop.call_later(1.0, loop.skip, 60.0)
    loop.run_until_complete(asyncio.sleep(2.0))

    assert loop.time() == 61.0


def test_nothing_left_to_run_raises_stuck(loop: VirtualLoop) -> None:
    with pytest.raises(Stuck):
        loop.run_until_complete(loop.create_future())


def test_a_life_ends_in_the_middle_of_an_await_without_a_last_word(loop: VirtualLoop) -> None:
    lifetime, words = Lifetime(), list[str]()

    async def work() -> None:
        try:
            words.append("begun")
            await asyncio.sleep(1)
        finally:
            words.append("ended")

    task = loop.create_task(work(), context=context_of(lifetime))
    loop.call_later(0.5, setattr, lifetime, "over", True)
    loop.run_until_complete(asyncio.sleep(5))

    assert words == ["begun"]
    assert not task.done()
    task.get_coro().close()


def test_a_life_ends_after_the_steps_that_it_was_given(loop: VirtualLoop) -> None:
    lifetime, steps = Lifetime(), list[int]()

    async def work() -> None:
        for step in range(10):
            steps.append(step)
            await asyncio.sleep(0)

    task = loop.create_task(work(), context=context_of(lifetime))
    lifetime.end_after(3, lambda: setattr(lifetime, "over", True))
    loop.run_until_complete(asyncio.sleep(1))

    assert steps == [0, 1, 2, 3]
    task.get_coro().close()
