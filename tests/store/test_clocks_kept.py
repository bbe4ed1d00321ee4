"""A commit keeps the clocks that it is dated by: the next process goes on from there, however this one ended."""

import asyncio
from collections.abc import Callable

import pytest

from keyturn.clock import seconds_between
from keyturn.store import clock_state
from keyturn.store.port import Database, Store, StoreUnavailable, Tx
from keyturn.timekeeping import Timekeeper
from tests.support.clock import ManualClock, eventually

from .work import add_entry, add_plan_and_raise, instant

pytestmark = pytest.mark.anyio
BELIEVED, BACK, DOWN = 1.9, -90.0, 10.0
Open = Callable[[], Store]


@pytest.fixture
def opened(database: Database, clock: ManualClock) -> Open:
    """Opens the store as a process of one boot of the machine does."""
    return lambda: database.open(Timekeeper(clock, 2.0, "boot"), lambda _topic, _key, _row=None: None)


def roll_back(tx: Tx) -> None:
    tx.run("ROLLBACK")


async def restarted(store: Store, clock: ManualClock, opened: Open) -> int:
    """The store's time in the next process: the wall clock was set back meanwhile."""
    await store.close()
    clock.advance(DOWN)
    clock.set_wall(BACK)
    later = opened()
    try:
        return await later.read(instant)
    finally:
        await later.close()


async def test_the_time_of_a_commit_runs_on_in_the_next_process(clock: ManualClock, opened: Open) -> None:
    store = opened()
    await store.write(add_entry)
    clock.set_wall(BELIEVED)
    committed = await store.write(add_entry)

    assert seconds_between(committed, await restarted(store, clock, opened)) == pytest.approx(DOWN)


async def test_it_does_so_where_another_unit_of_the_commit_was_undone(clock: ManualClock, opened: Open) -> None:
    store = opened()
    await store.write(add_entry)
    clock.set_wall(BELIEVED)
    undone = add_plan_and_raise("gold", ValueError())
    committed, _ = await asyncio.gather(store.write(add_entry), store.write(undone), return_exceptions=True)

    assert isinstance(committed, int)
    assert seconds_between(committed, await restarted(store, clock, opened)) == pytest.approx(DOWN)


async def test_it_does_so_after_a_commit_that_failed(clock: ManualClock, opened: Open) -> None:
    store = opened()
    await store.write(add_entry)
    clock.set_wall(BELIEVED)
    with pytest.raises(StoreUnavailable):
        await store.write(roll_back)
    await eventually(lambda: store.available)
    committed = await store.write(add_entry)

    assert seconds_between(committed, await restarted(store, clock, opened)) == pytest.approx(DOWN)


async def test_clocks_that_were_not_set_are_saved_once(clock: ManualClock, opened: Open) -> None:
    store = opened()
    await store.write(add_entry)
    first = await store.read(clock_state.load)
    clock.advance(DOWN)
    clock.set_wall(0.4)
    await store.write(add_entry)

    assert first is not None
    assert await store.read(clock_state.load) == first
    await store.close()


async def test_a_time_that_an_operator_accepted_is_not_overwritten(clock: ManualClock, opened: Open) -> None:
    store = opened()
    await store.write(add_entry)
    clock.set_wall(BACK)
    accepted = store.time.accepted_state()
    await store.write(lambda tx: clock_state.save(tx, accepted))
    clock.set_wall(-BACK + BELIEVED)

    await store.write(add_entry)

    assert await store.read(clock_state.load) == accepted
    await store.close()
