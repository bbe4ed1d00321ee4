"""`Tx.on_outcome`: a process hears once, and never too early, what became of a unit that it gave to the store."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from keyturn.store.port import Database, Store, StoreUnavailable, Tx
from keyturn.store.sqlite.directory import FILE_NAME
from keyturn.store.sqlite.store import SqliteStore, open_sqlite
from tests.support.clock import ManualClock, eventually

from .disk import HeldDisk
from .test_sqlite_failure import no_space_beyond
from .work import add_plan, add_plan_and_raise, plans

pytestmark = pytest.mark.anyio


class Heard:
    """What was heard, in order: outcomes of units by their names, and announcements."""

    def __init__(self) -> None:
        self.all: list[tuple[str, object]] = []
        self.runs: dict[str, int] = {}

    def of(self, name: str) -> list[object]:
        return [what for who, what in self.all if who == name]

    def announce(self, _topic: object, key: str, _row: object = None) -> None:
        self.all.append((key, "announced"))

    def unit(self, name: str, error: BaseException | None = None, *, writes: bool = True) -> Callable[[Tx], str]:
        """A unit that asks for its outcome, writes a plan, announces it, and may raise then."""

        def work(tx: Tx) -> str:
            self.runs[name] = self.runs.get(name, 0) + 1
            tx.on_outcome(lambda durable: self.all.append((name, durable)))
            if writes:
                (add_plan(name, announce=name) if error is None else add_plan_and_raise(name, error))(tx)
            if error is not None:
                raise error
            return name

        return work


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
async def store(database: Database, clock: ManualClock, heard: Heard) -> AsyncIterator[Store]:
    store = database.open(clock, heard.announce)
    yield store
    await store.close()


async def test_a_durable_unit_hears_so_once_and_before_its_announcements(store: Store, heard: Heard) -> None:
    await asyncio.gather(store.write(heard.unit("a")), store.write(heard.unit("b")))
    await store.write(add_plan("c"))

    assert heard.of("a") == heard.of("b") == [True, "announced"]


async def test_it_can_be_read_when_its_unit_hears_of_it(store: Store) -> None:
    reads: list[asyncio.Task[list[str]]] = []

    def work(tx: Tx) -> None:
        add_plan("gold")(tx)
        tx.on_outcome(lambda _durable: reads.append(asyncio.create_task(store.read(plans))))

    await store.write(work)

    assert await reads[0] == ["gold"]


@pytest.mark.parametrize("writes", [True, False])
@pytest.mark.parametrize("raising", ["a", "b", "c", "ab", "bc", "ac", "abc"])
async def test_each_run_of_a_unit_hears_once_and_of_a_kept_unit_the_last_is_durable(
    store: Store, heard: Heard, raising: str, writes: bool
) -> None:
    units = [heard.unit(n, ValueError(n) if n in raising else None, writes=writes or n not in raising) for n in "abc"]

    await asyncio.gather(*(store.write(unit) for unit in units), return_exceptions=True)

    for name in "abc":
        told = [each for each in heard.of(name) if each != "announced"]
        assert len(told) == heard.runs[name]
        assert told == [*([False] * (len(told) - 1)), name not in raising]
    assert await store.read(plans) == [name for name in "abc" if name not in raising]


async def test_one_unit_may_ask_several_times(store: Store) -> None:
    heard: list[tuple[int, bool]] = []

    def work(tx: Tx) -> None:
        for number in range(3):
            tx.on_outcome(lambda durable, number=number: heard.append((number, durable)))  # type: ignore[misc]

    await store.write(work)

    assert heard == [(0, True), (1, True), (2, True)]


async def test_a_caller_that_left_changes_nothing_for_its_unit(store: Store, heard: Heard) -> None:
    begun = asyncio.Event()

    def work(tx: Tx) -> str:
        begun.set()
        return heard.unit("gold")(tx)

    leaving = asyncio.create_task(store.write(work))
    await begun.wait()
    leaving.cancel()
    await store.write(add_plan("silver"))

    assert heard.of("gold") == [True, "announced"]
    assert await store.read(plans) == ["gold", "silver"]


@pytest.mark.parametrize("fails", [True, False])
async def test_one_that_raises_when_it_hears_harms_no_other_and_not_the_store(
    store: Store, heard: Heard, fails: bool
) -> None:
    def work(tx: Tx) -> None:
        def act(_durable: bool) -> None:
            raise RuntimeError("a defect of the caller")

        tx.on_outcome(act)
        if fails:
            raise ValueError("undone")

    answers = await asyncio.gather(
        store.write(heard.unit("a")), store.write(work), store.write(heard.unit("b")), return_exceptions=True
    )

    assert [answers[0], answers[2]] == ["a", "b"]
    assert heard.of("b")[-2:] == [True, "announced"]
    assert await store.write(add_plan("c")) == "c"


@pytest.fixture
def disk() -> HeldDisk:
    return HeldDisk()


@pytest.fixture
async def slow(tmp_path: Path, clock: ManualClock, heard: Heard, disk: HeldDisk) -> AsyncIterator[SqliteStore]:
    """A store whose disk the test holds back."""
    slow = open_sqlite(tmp_path / "slow", clock, heard.announce, disk=disk)
    yield slow
    disk.set_free()
    await slow.close()


@pytest.fixture
async def sqlite(tmp_path: Path, clock: ManualClock, heard: Heard) -> AsyncIterator[SqliteStore]:
    store = open_sqlite(tmp_path / "sqlite", clock, heard.announce)
    yield store
    await store.close()


async def test_nothing_is_heard_while_the_commit_is_under_way(slow: SqliteStore, disk: HeldDisk, heard: Heard) -> None:
    writing = asyncio.create_task(slow.write(heard.unit("gold")))
    await eventually(lambda: disk.busy)
    for _ in range(20):
        await asyncio.sleep(0)
    assert heard.all == []

    disk.release()
    await writing

    assert heard.of("gold") == [True, "announced"]


async def test_a_commit_that_fails_is_heard_of_as_not_durable(
    sqlite: SqliteStore, tmp_path: Path, heard: Heard
) -> None:
    await sqlite.write(add_plan("first"))
    with no_space_beyond(tmp_path / "sqlite" / f"{FILE_NAME}-wal"):
        both = heard.unit("gold"), add_plan("large", size=1_000_000)
        found = await asyncio.gather(*(sqlite.write(unit) for unit in both), return_exceptions=True)
        assert [type(each) for each in found] == [StoreUnavailable] * 2
        assert heard.all == [("gold", False)]
    await eventually(lambda: sqlite.available)
    await sqlite.write(add_plan("next"))

    assert heard.all == [("gold", False)]


async def test_a_batch_that_is_lost_is_heard_of_by_each_of_its_units(sqlite: SqliteStore, heard: Heard) -> None:
    lost = [heard.unit("a"), add_plan_and_raise("b", MemoryError()), heard.unit("c")]
    found = await asyncio.gather(*(sqlite.write(unit) for unit in lost), return_exceptions=True)

    assert [type(each) for each in found] == [StoreUnavailable] * 3
    assert heard.all == [("a", False)]
    assert "c" not in heard.runs
