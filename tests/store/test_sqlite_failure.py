"""A disk that fails takes its whole batch along, and the store comes back by itself."""

import asyncio
import resource
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from keyturn.store.port import StoreUnavailable, Tx
from keyturn.store.sqlite.directory import FILE_NAME
from keyturn.store.sqlite.store import SqliteStore, open_sqlite
from tests.support.clock import ManualClock, eventually
from tests.support.store_reader import connect

from .disk import CountingDisk
from .work import Announced, add_entry, add_plan, add_plan_and_raise, instant, plans

pytestmark = pytest.mark.anyio


@pytest.fixture
def disk() -> CountingDisk:
    return CountingDisk()


@pytest.fixture
async def store(
    tmp_path: Path, clock: ManualClock, disk: CountingDisk, announced: list[Announced]
) -> AsyncIterator[SqliteStore]:
    store = open_sqlite(tmp_path, clock, lambda topic, key, _row=None: announced.append((topic, key)), disk=disk)
    yield store
    await store.close()


@contextmanager
def no_space_beyond(file: Path) -> Iterator[None]:
    """No file of this process may grow beyond the present size of `file`."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (file.stat().st_size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def allow_pages(pages: int | None) -> Callable[[Tx], None]:
    """Let the database grow by so many pages, or without a limit."""

    def work(tx: Tx) -> None:
        used = tx.one("PRAGMA page_count")
        assert used is not None
        tx.one(f"PRAGMA max_page_count = {used[0] + pages if pages is not None else 2**30}")

    return work


def forbid_writing(tx: Tx) -> None:
    """From here on the connection answers every write as a read-only file does."""
    tx.one("PRAGMA query_only = ON")


def end_transaction(statement: str) -> Callable[[Tx], None]:
    def work(tx: Tx) -> None:
        tx.run(statement)

    return work


async def outcomes(store: SqliteStore, *works: Callable[[Tx], object]) -> list[object]:
    """What each of these units, in one batch, came to: its result, or the class of its error."""
    results = await asyncio.gather(*(store.write(work) for work in works), return_exceptions=True)
    return [type(result) if isinstance(result, BaseException) else result for result in results]


async def two_probes(disk: CountingDisk) -> None:
    before = disk.calls
    await eventually(lambda: disk.calls >= before + 2)


async def test_a_commit_that_cannot_be_written_fails_every_unit_of_its_batch(
    store: SqliteStore, tmp_path: Path, announced: list[Announced]
) -> None:
    await store.write(add_plan("first"))
    with no_space_beyond(tmp_path / f"{FILE_NAME}-wal"):
        batch = add_plan("a", announce="a"), add_plan_and_raise("b", ValueError()), add_plan("c", size=1_000_000)
        assert await outcomes(store, *batch) == [StoreUnavailable] * 3
        assert not store.available
    await eventually(lambda: store.available)
    assert await store.read(plans) == ["first"]
    assert announced == []


async def test_an_unavailable_store_refuses_writes_at_once_and_still_reads(
    store: SqliteStore, disk: CountingDisk, tmp_path: Path
) -> None:
    await store.write(add_plan("first"))
    with no_space_beyond(tmp_path / f"{FILE_NAME}-wal"):
        assert await outcomes(store, add_plan("second")) == [StoreUnavailable]
        given = disk.calls
        with pytest.raises(StoreUnavailable):
            await store.write(add_plan("third"))
        assert disk.calls == given
        assert await store.read(plans) == ["first"]


async def test_unavailable_store_probes_until_it_can_write_again_each_time(
    store: SqliteStore, disk: CountingDisk, tmp_path: Path
) -> None:
    for name in ("a", "b"):
        with no_space_beyond(tmp_path / f"{FILE_NAME}-wal"):
            assert await outcomes(store, add_plan("lost")) == [StoreUnavailable]
            await two_probes(disk)
            assert not store.available
        await eventually(lambda: store.available)
        assert await store.write(add_plan(name)) == name
    assert await store.read(plans) == ["a", "b"]


async def test_what_a_lost_batch_left_open_is_undone_before_the_next(store: SqliteStore) -> None:
    assert await outcomes(store, add_plan("a"), add_plan_and_raise("b", MemoryError())) == [StoreUnavailable] * 2
    await eventually(lambda: store.available)
    assert await store.write(add_plan("c")) == "c"
    assert await store.read(plans) == ["c"]


async def test_a_full_disk_inside_a_unit_is_not_that_units_error(store: SqliteStore) -> None:
    await store.write(allow_pages(3))
    assert await outcomes(store, add_plan("small"), add_plan("large", size=1_000_000)) == [StoreUnavailable] * 2
    await eventually(lambda: store.available)
    await store.write(allow_pages(None))
    assert await store.read(plans) == []
    assert await outcomes(store, add_plan("small"), add_plan("large", size=1_000_000)) == ["small", "large"]


async def test_units_in_line_behind_a_failed_batch_fail_with_it(store: SqliteStore, clock: ManualClock) -> None:
    def slow(tx: Tx) -> None:
        clock.advance(1)

    await store.write(allow_pages(3))
    batches = slow, add_plan("large", size=1_000_000), add_plan("small"), add_plan("tiny")
    assert await outcomes(store, *batches) == [None, *[StoreUnavailable] * 3]


async def test_a_file_that_became_read_only_makes_the_store_unavailable(store: SqliteStore) -> None:
    units = add_plan("gold"), forbid_writing, add_plan("silver")
    assert await outcomes(store, *units) == [StoreUnavailable] * 3
    assert not store.available


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("statement", ["COMMIT", "ROLLBACK"])
async def test_a_unit_that_ends_the_transaction_loses_the_batch(store: SqliteStore, statement: str, place: int) -> None:
    units: list[Callable[[Tx], object]] = [add_plan("a"), add_plan("b")]
    units.insert(place, end_transaction(statement))
    assert await outcomes(store, *units) == [StoreUnavailable] * 3
    await eventually(lambda: store.available)
    assert await store.write(add_plan("c")) == "c"


@pytest.mark.parametrize("before", [(), (add_plan("a"),)])
async def test_a_unit_that_raises_after_the_transaction_ended_loses_the_batch(
    store: SqliteStore, before: tuple[Callable[[Tx], object], ...]
) -> None:
    def work(tx: Tx) -> None:
        tx.run("ROLLBACK")
        raise ValueError("mine")

    assert await outcomes(store, *before, work) == [StoreUnavailable] * (len(before) + 1)


async def test_the_time_floor_is_read_again_after_a_failure(store: SqliteStore, clock: ManualClock) -> None:
    """The ended transaction was committed all the same: its entry must not be followed by an earlier one."""

    def work(tx: Tx) -> None:
        add_entry(tx)
        tx.run("COMMIT")

    clock.set_now(9_000_000)
    assert await outcomes(store, work) == [StoreUnavailable]
    clock.set_now(8_000_000)
    await eventually(lambda: store.available)
    assert await store.write(instant) == 9_000_000


async def test_closing_an_unavailable_store_ends_its_probing(
    store: SqliteStore, disk: CountingDisk, tmp_path: Path
) -> None:
    assert await outcomes(store, forbid_writing, add_plan("gold")) == [StoreUnavailable] * 2
    await store.close()
    with connect(tmp_path / FILE_NAME) as stranger:
        assert stranger.execute("SELECT count(*) FROM plan").fetchone() == (0,)
    stranger.close()


async def test_a_lock_held_by_another_program_is_an_outage_that_passes(store: SqliteStore, tmp_path: Path) -> None:
    stranger = connect(tmp_path / FILE_NAME)
    stranger.execute("BEGIN IMMEDIATE")
    assert await outcomes(store, add_plan("gold")) == [StoreUnavailable]
    stranger.execute("ROLLBACK")
    stranger.close()
    await eventually(lambda: store.available)
    assert await store.write(add_plan("gold")) == "gold"
