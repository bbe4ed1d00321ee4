"""What every store adapter does. A new adapter is one entry in `adapters.py`."""

import asyncio
import itertools
from collections.abc import Callable

import pytest

from keyturn.store.port import ReadTx, Store, StoreUnavailable, Tx
from tests.support.clock import ManualClock

from .work import TOPIC, Announced, add_entry, add_entry_early, add_plan, add_plan_and_raise, instant, plans, seqs

pytestmark = pytest.mark.anyio
Open = Callable[[], Store]


async def test_a_write_returns_what_its_unit_returned_and_reads_see_it(store: Store) -> None:
    assert await store.write(add_plan("gold")) == "gold"
    assert await store.read(plans) == ["gold"]


async def test_a_reopened_store_has_what_was_acknowledged(open_store: Open) -> None:
    first = open_store()
    await first.write(add_plan("gold"))
    await first.close()
    assert await open_store().read(plans) == ["gold"]


@pytest.mark.parametrize("raising", ["b", "a", "c", "ab", "bc", "ac", "abc"])
async def test_a_raising_unit_is_undone_alone(store: Store, announced: list[Announced], raising: str) -> None:
    raised = {name: ValueError(name) for name in raising}
    units = [add_plan_and_raise(n, raised[n]) if n in raised else add_plan(n, announce=n) for n in "abc"]
    kept = [name for name in "abc" if name not in raised]

    answers = await asyncio.gather(*(store.write(unit) for unit in (*units, plans)), return_exceptions=True)

    assert answers == [*(raised.get(name, name) for name in "abc"), kept]
    assert await store.read(plans) == kept
    assert announced == [(TOPIC, name) for name in kept]


async def test_a_unit_that_raises_in_a_batch_of_its_own_is_undone(store: Store) -> None:
    for name in "ab":
        with pytest.raises(ValueError, match=name):
            await store.write(add_plan_and_raise(name, ValueError(name)))
    assert await store.write(add_plan("c")) == "c"
    assert await store.read(plans) == ["c"]


async def test_a_broken_constraint_is_the_units_own_error(store: Store) -> None:
    first, second, third = await asyncio.gather(
        store.write(add_plan("gold")),
        store.write(add_plan("gold")),
        store.write(add_plan("silver")),
        return_exceptions=True,
    )
    assert isinstance(second, Exception)
    assert not isinstance(second, StoreUnavailable)
    assert (first, third) == ("gold", "silver")
    assert await store.read(plans) == ["gold", "silver"]


async def test_a_foreign_key_must_exist(store: Store) -> None:
    def work(tx: Tx) -> int:
        return tx.run(
            "INSERT INTO sign_secret (application_id, slot, sealed, created_at) VALUES ('nobody', 1, :sealed, 1)",
            sealed=b"",
        )

    with pytest.raises(Exception, match=r"(?i)foreign key"):
        await store.write(work)


async def test_a_unit_that_raises_stop_iteration_gets_an_error_and_affects_no_other(store: Store) -> None:
    lost, kept = await asyncio.gather(
        store.write(lambda _tx: next(iter(()))), store.write(add_plan("gold")), return_exceptions=True
    )
    assert isinstance(lost, RuntimeError)
    assert kept == "gold"


async def test_units_run_one_after_the_other(store: Store) -> None:
    await store.write(add_plan("counter", size=0))

    def count(tx: Tx) -> int:
        row = tx.one("SELECT commands FROM plan WHERE id = 'counter' FOR UPDATE")
        assert row is not None
        tx.run("UPDATE plan SET commands = :commands WHERE id = 'counter'", commands=row[0] + "x")
        return len(row[0])

    assert sorted(await asyncio.gather(*(store.write(count) for _ in range(40)))) == list(range(40))


async def test_entries_are_numbered_in_the_order_of_their_commits(store: Store) -> None:
    """Units draw their numbers early and end late, or are undone; of two readers one saw what the other began with."""
    seen: list[list[int]] = []

    async def write_and_look(writer: int) -> None:
        for turn in range(12):
            raises = ValueError(writer) if (writer + turn) % 5 == 0 else None
            unit = add_entry_early(statements=(writer * 7 + turn * 3) % 23, error=raises)
            (outcome,) = await asyncio.gather(store.write(unit), return_exceptions=True)
            found = await store.read(seqs)
            seen.append(found)
            assert outcome is raises if raises else outcome in found

    await asyncio.gather(*(write_and_look(writer) for writer in range(16)))

    assert len({len(found) for found in seen}) > 1
    for earlier, later in itertools.pairwise(sorted(seen, key=len)):
        assert later[: len(earlier)] == earlier


async def test_a_new_store_is_of_the_first_epoch_and_stays_of_it(open_store: Open) -> None:
    first = open_store()
    assert first.epoch == 1
    await first.close()
    assert open_store().epoch == 1


async def test_a_store_that_works_is_available(store: Store) -> None:
    assert store.available
    await asyncio.gather(store.write(add_plan_and_raise("gold", ValueError())), return_exceptions=True)
    assert store.available


async def test_a_cancelled_caller_affects_no_other(store: Store) -> None:
    leaving = asyncio.create_task(store.write(add_plan("gold")))
    staying = asyncio.create_task(store.write(add_plan("silver")))
    await asyncio.sleep(0)
    leaving.cancel()
    assert await staying == "silver"
    assert await store.write(add_plan("bronze")) == "bronze"


async def test_announcements_of_durable_units_arrive_once_and_in_order(
    store: Store, announced: list[Announced]
) -> None:
    await asyncio.gather(
        store.write(add_plan("a", announce="1")),
        store.write(add_plan_and_raise("b", ValueError())),
        store.write(add_plan("c", announce="2")),
        store.write(add_plan("d", announce="1")),
        return_exceptions=True,
    )
    assert announced == [(TOPIC, "1"), (TOPIC, "2")]


async def test_statements_answer_with_rows_and_counts(store: Store) -> None:
    def work(tx: Tx) -> tuple[object, ...]:
        add_plan("gold")(tx)
        add_plan("silver")(tx)
        return (
            tx.run("UPDATE plan SET commands = :commands", commands="[]"),
            tx.run("DELETE FROM plan WHERE name = :name", name="nobody"),
            tx.one("SELECT id FROM plan WHERE name = :name OR id = :name", name="nobody"),
            tx.one("SELECT id, commands FROM plan ORDER BY id"),
            tx.all("SELECT id FROM plan ORDER BY id"),
            tx.all("SELECT id FROM plan WHERE name = :name", name="nobody"),
            tx.one("UPDATE plan SET name = 'new' WHERE id = 'gold' RETURNING name"),
        )

    expected: tuple[object, ...] = (2, 0, None, ("gold", "[]"), [("gold",), ("silver",)], [], ("new",))
    assert await store.write(work) == expected


async def test_values_come_back_as_they_went_in(store: Store) -> None:
    text = "Não: 'aspas' e \"mais\"; -- :nome ?"

    def work(tx: Tx) -> object:
        add_plan("p")(tx)
        tx.run("INSERT INTO company (id, name, active, created_at) VALUES ('c', :name, 1, :at)", name=text, at=2**62)
        tx.run(
            "INSERT INTO oem_account (id, company_id, connector, name, sealed, active, created_at) "
            "VALUES ('a', 'c', 'simulator', ':name', :sealed, 1, 0)",
            sealed=b"\x00\xff",
        )
        tx.run(
            "INSERT INTO vehicle (id, company_id, vin, account_id, external_id, ownership, powertrain, plan_id, "
            "capabilities, fuel_reserve, active, created_at) "
            "VALUES ('v', 'c', 'VIN', 'a', 'VIN', 'owned', 'electric', 'p', :nothing, :reserve, 1, 0)",
            nothing=None,
            reserve=12.5,
        )
        return tx.one(
            "SELECT c.name, c.created_at, a.name, a.sealed, v.capabilities, v.fuel_reserve "
            "FROM company c JOIN oem_account a ON a.company_id = c.id JOIN vehicle v ON v.account_id = a.id"
        )

    assert await store.write(work) == (text, 2**62, ":name", b"\x00\xff", None, 12.5)


async def test_the_instant_never_runs_backwards(store: Store, clock: ManualClock) -> None:
    clock.set_now(5_000_000)
    assert await store.write(add_entry) == 5_000_000
    clock.set_now(4_000_000)
    assert await store.write(instant) == 5_000_000
    assert await store.read(instant) == 5_000_000
    clock.set_now(6_000_000)
    assert await store.read(instant) == 6_000_000
    assert await store.write(instant) == 6_000_000


async def test_the_instant_does_not_run_backwards_over_a_restart(open_store: Open, clock: ManualClock) -> None:
    clock.set_now(5_000_000)
    first = open_store()
    await first.write(add_entry)
    await first.close()
    clock.set_now(4_000_000)
    second = open_store()
    assert await second.read(instant) == 5_000_000
    assert await second.write(add_entry) == 5_000_000


async def test_a_read_cannot_write(store: Store) -> None:
    def work(tx: ReadTx) -> object:
        return tx.one("INSERT INTO plan (id, name, commands, created_at) VALUES ('x', 'x', '', 0) RETURNING id")

    with pytest.raises(Exception, match=r"(?i)read-?only"):
        await store.read(work)
    assert await store.read(plans) == []
    assert await store.write(add_plan("gold")) == "gold"


async def test_a_read_that_raises_leaves_the_next_one_alone(store: Store) -> None:
    def work(tx: ReadTx) -> object:
        plans(tx)
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await store.read(work)
    await store.write(add_plan("gold"))
    assert await store.read(plans) == ["gold"]


@pytest.mark.parametrize("raises", [False, True])
async def test_a_read_that_asks_for_one_row_of_many_leaves_the_next_one_alone(store: Store, raises: bool) -> None:
    def work(tx: ReadTx) -> object:
        first = tx.one("SELECT name FROM plan ORDER BY name")
        if raises:
            raise ValueError(first)
        return first

    await asyncio.gather(*(store.write(add_plan(name)) for name in "bcd"))
    (outcome,) = await asyncio.gather(store.read(work), return_exceptions=True)
    assert ("b",) in (outcome, *getattr(outcome, "args", ()))
    await store.write(add_plan("a"))
    assert await store.read(plans) == ["a", "b", "c", "d"]


async def test_closing_keeps_what_was_accepted_and_accepts_nothing_more(open_store: Open) -> None:
    first = open_store()
    accepted = [asyncio.create_task(first.write(add_plan(f"{number:02}"))) for number in range(20)]
    await asyncio.sleep(0)
    await first.close()
    with pytest.raises(StoreUnavailable):
        await first.write(add_plan("late"))
    expected = [f"{number:02}" for number in range(20)]
    assert await asyncio.gather(*accepted) == expected
    assert await open_store().read(plans) == expected
