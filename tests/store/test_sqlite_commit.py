"""When a unit counts as done: after its COMMIT, never before."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import closing
from pathlib import Path

import pytest

from keyturn.store.port import Conflict, ReadTx, StoreUnavailable, Tx
from keyturn.store.sqlite.directory import FILE_NAME
from keyturn.store.sqlite.store import SqliteStore, open_sqlite
from keyturn.store.sqlite.transaction import without_lock
from keyturn.store.sqlite.writer import BATCH_SECONDS, BATCH_UNITS
from tests.support.clock import ManualClock, eventually
from tests.support.store_reader import connect

from .disk import HeldDisk
from .work import TOPIC, Announced, add_plan, plans

pytestmark = pytest.mark.anyio


@pytest.fixture
def disk() -> HeldDisk:
    return HeldDisk()


@pytest.fixture
def batches() -> list[int]:
    return []


@pytest.fixture
async def store(
    tmp_path: Path, clock: ManualClock, disk: HeldDisk, announced: list[Announced], batches: list[int]
) -> AsyncIterator[SqliteStore]:
    store = open_sqlite(
        tmp_path,
        clock,
        lambda topic, key, _row=None: announced.append((topic, key)),
        on_batch=lambda units, _seconds: batches.append(units),
        disk=disk,
    )
    yield store
    disk.set_free()
    await store.close()


def plans_seen_from_outside(directory: Path) -> list[str]:
    with closing(connect(directory / FILE_NAME)) as stranger:
        return [row[0] for row in stranger.execute("SELECT name FROM plan ORDER BY name")]


async def test_nothing_is_answered_or_announced_before_its_commit(
    store: SqliteStore, disk: HeldDisk, tmp_path: Path, announced: list[Announced]
) -> None:
    kept = asyncio.create_task(store.write(add_plan("gold", announce="gold")))
    refused = asyncio.create_task(store.write(add_plan("gold")))
    await eventually(lambda: disk.busy)
    assert not kept.done()
    assert not refused.done()
    assert announced == []
    assert plans_seen_from_outside(tmp_path) == await store.read(plans) == []
    disk.release()
    assert await kept == "gold"
    with pytest.raises(Conflict):
        await refused
    assert announced == [(TOPIC, "gold")]
    assert plans_seen_from_outside(tmp_path) == ["gold"]


async def test_units_that_come_during_a_commit_share_the_next(
    store: SqliteStore, disk: HeldDisk, batches: list[int]
) -> None:
    first = asyncio.create_task(store.write(add_plan("a")))
    await eventually(lambda: disk.busy)
    others = [asyncio.create_task(store.write(add_plan(name))) for name in "bcdef"]
    await asyncio.sleep(0)
    disk.set_free()
    await asyncio.gather(first, *others)
    assert batches == [1, 5]


async def test_a_batch_is_bounded_in_units(store: SqliteStore, disk: HeldDisk, batches: list[int]) -> None:
    disk.set_free()
    await asyncio.gather(*(store.write(add_plan(f"{number}")) for number in range(BATCH_UNITS + 3)))
    assert batches == [BATCH_UNITS, 3]


async def test_a_batch_is_bounded_in_time(
    store: SqliteStore, disk: HeldDisk, clock: ManualClock, batches: list[int]
) -> None:
    def slow(tx: Tx) -> None:
        clock.advance(BATCH_SECONDS * 0.75)

    disk.set_free()
    await asyncio.gather(*(store.write(slow) for _ in range(5)))
    assert batches == [2, 2, 1]


async def test_a_unit_whose_caller_left_before_it_ran_is_not_run(
    store: SqliteStore, disk: HeldDisk, tmp_path: Path
) -> None:
    first = asyncio.create_task(store.write(add_plan("a")))
    await eventually(lambda: disk.busy)
    second = asyncio.create_task(store.write(add_plan("b")))
    await asyncio.sleep(0)
    second.cancel()
    disk.set_free()
    await first
    await store.write(add_plan("c"))
    assert plans_seen_from_outside(tmp_path) == ["a", "c"]


async def test_a_unit_whose_caller_left_during_its_commit_is_kept(
    store: SqliteStore, disk: HeldDisk, announced: list[Announced]
) -> None:
    leaving = asyncio.create_task(store.write(add_plan("gold", announce="gold")))
    await eventually(lambda: disk.busy)
    leaving.cancel()
    disk.set_free()
    await store.write(add_plan("silver"))
    assert await store.read(plans) == ["gold", "silver"]
    assert announced == [(TOPIC, "gold")]


async def test_a_store_that_closes_finishes_its_commit_and_takes_nothing_new(
    store: SqliteStore, disk: HeldDisk, tmp_path: Path
) -> None:
    accepted = asyncio.create_task(store.write(add_plan("gold")))
    await eventually(lambda: disk.busy)
    closing_store = asyncio.create_task(store.close())
    await asyncio.sleep(0)
    with pytest.raises(StoreUnavailable):
        await store.write(add_plan("late"))
    assert not closing_store.done()
    disk.set_free()
    await closing_store
    assert await accepted == "gold"
    assert plans_seen_from_outside(tmp_path) == ["gold"]


async def test_a_read_is_one_snapshot(store: SqliteStore, disk: HeldDisk, tmp_path: Path) -> None:
    def work(tx: ReadTx) -> tuple[list[str], list[str]]:
        before = plans(tx)
        with closing(connect(tmp_path / FILE_NAME)) as stranger, stranger:
            stranger.execute("INSERT INTO plan (id, name, commands, created_at) VALUES ('new', 'new', '', 0)")
        return before, plans(tx)

    assert await store.read(work) == ([], [])
    assert await store.read(plans) == ["new"]


async def test_every_commit_is_synced_to_the_log(store: SqliteStore, disk: HeldDisk) -> None:
    disk.set_free()
    assert await store.write(lambda tx: tx.one("PRAGMA journal_mode")) == ("wal",)
    assert await store.write(lambda tx: tx.one("PRAGMA synchronous")) == (2,)


@pytest.mark.parametrize("ask", [SqliteStore.write, SqliteStore.read])
async def test_one_row_of_many_holds_no_snapshot(
    store: SqliteStore, disk: HeldDisk, tmp_path: Path, ask: Callable[..., Awaitable[object]]
) -> None:
    """One that is held, were it by an error that somebody keeps, keeps the log from being emptied."""

    def work(tx: ReadTx) -> None:
        raise LookupError(tx.one("SELECT name FROM plan ORDER BY name"))

    disk.set_free()
    await asyncio.gather(*(store.write(add_plan(name)) for name in "abc"))
    (kept,) = await asyncio.gather(ask(store, work), return_exceptions=True)
    assert isinstance(kept, LookupError)
    with closing(connect(tmp_path / FILE_NAME)) as stranger:
        told = stranger.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    assert told == (0, 0, 0)


@pytest.mark.parametrize(
    ("sql", "text"),
    [
        ("SELECT 1", "SELECT 1"),
        ("SELECT x FROM t WHERE a = :a FOR UPDATE", "SELECT x FROM t WHERE a = :a"),
        ("SELECT x FROM t\nFOR UPDATE\n", "SELECT x FROM t"),
        ("SELECT ' FOR UPDATE '", "SELECT ' FOR UPDATE '"),
    ],
)
async def test_the_row_lock_is_dropped_for_the_one_writer(sql: str, text: str) -> None:
    assert without_lock(sql) == text


async def test_a_batch_begins_anew_when_a_unit_fails_that_wrote(store: SqliteStore, disk: HeldDisk) -> None:
    """The units before it run again, those after it have savepoints, and each has its own outcome."""
    told: list[tuple[str, bool]] = []

    def noted(name: str, *, fails: bool = False) -> Callable[[Tx], str]:
        def work(tx: Tx) -> str:
            add_plan(name, announce=name)(tx)
            tx.on_outcome(lambda durable: told.append((name, durable)))
            if fails:
                raise LookupError(name)
            return name

        return work

    units = [noted("a"), noted("b", fails=True), noted("c"), noted("d", fails=True), noted("e")]
    disk.set_free()

    outcomes = await asyncio.gather(*(store.write(unit) for unit in units), return_exceptions=True)

    assert [str(outcome) for outcome in outcomes] == ["a", "b", "c", "d", "e"]
    assert [type(outcome) for outcome in outcomes] == [str, LookupError, str, LookupError, str]
    assert await store.read(plans) == ["a", "c", "e"]
    assert told == [("b", False), ("a", False), ("d", False), ("a", True), ("c", True), ("e", True)]
