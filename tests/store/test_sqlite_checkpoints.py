"""The log is copied to the database file beside the commits, and within one only where it has grown too long."""

import errno
import os
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from keyturn.store.sqlite import checkpoints
from keyturn.store.sqlite.checkpoints import PREPARED_BYTES, prepare_log
from keyturn.store.sqlite.directory import FILE_NAME
from keyturn.store.sqlite.store import SqliteStore, open_sqlite
from tests.support.clock import ManualClock
from tests.support.store_reader import connect

from .adapters import AtOnce
from .disk import HeldDisk
from .work import add_plan, plans

pytestmark = pytest.mark.anyio
LOG = f"{FILE_NAME}-wal"


@pytest.fixture
def beside() -> HeldDisk:
    return HeldDisk()


def opened(
    directory: Path, beside: HeldDisk | None = None, *, pages: int = 1_000, serving: bool = False
) -> SqliteStore:
    return open_sqlite(
        directory,
        ManualClock(),
        lambda _topic, _key, _row=None: None,
        disk=AtOnce(),
        beside=beside or AtOnce(),
        checkpoint_pages=pages,
        serving=serving,
    )


@pytest.fixture
async def store(tmp_path: Path, beside: HeldDisk, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[SqliteStore]:
    monkeypatch.setattr(checkpoints, "BOUND_PAGES", 60)
    store = opened(tmp_path, beside, pages=20)
    await store.write(add_plan("first"))  # beyond the bound, with all that the migrations wrote
    beside.release()
    yield store
    beside.set_free()
    await store.close()


def pages_left(directory: Path) -> int:
    """Pages of the log that the database file does not have yet."""
    with closing(connect(directory / FILE_NAME)) as stranger:
        stranger.execute("SELECT count(*) FROM plan").fetchall()
        told = stranger.execute("PRAGMA wal_checkpoint(NOOP)").fetchone()
    assert told is not None
    return int(told[1]) - int(told[2])


async def fill(store: SqliteStore, first: int, count: int) -> None:
    for number in range(first, first + count):
        await store.write(add_plan(f"{number}", size=4_000))


async def test_a_long_log_is_copied_beside_the_commits(store: SqliteStore, beside: HeldDisk, tmp_path: Path) -> None:
    await fill(store, 0, 10)
    assert beside.busy
    assert pages_left(tmp_path) > 20
    beside.release()
    assert pages_left(tmp_path) == 0


async def test_the_log_has_a_bound_where_nothing_copies_it(store: SqliteStore, tmp_path: Path) -> None:
    await fill(store, 0, 80)
    assert pages_left(tmp_path) < 60 + 20


async def test_a_log_that_cannot_be_copied_fails_no_commit(
    store: SqliteStore, beside: HeldDisk, capsys: pytest.CaptureFixture[str]
) -> None:
    beside.set_free()
    store._writer._checkpoints._own.close()
    await fill(store, 0, 12)
    assert len(await store.read(plans)) == 13
    assert capsys.readouterr().out.count("the log cannot be copied") == 1


async def test_a_log_that_could_not_be_copied_is_copied_later(
    store: SqliteStore, beside: HeldDisk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints, "BOUND_PAGES", 1_000)
    beside.set_free()
    copying = store._writer._checkpoints
    copying._own.close()
    await fill(store, 0, 12)
    assert pages_left(tmp_path) > 20
    copying._own = connect(tmp_path / FILE_NAME)
    await fill(store, 12, 12)
    assert pages_left(tmp_path) <= 20


async def test_a_server_finds_a_log_that_no_commit_enlarges(tmp_path: Path) -> None:
    await opened(tmp_path).close()
    assert not (tmp_path / LOG).exists()

    store = opened(tmp_path, serving=True)
    await store.write(add_plan("gold"))

    assert (tmp_path / LOG).stat().st_size == PREPARED_BYTES
    assert await store.read(plans) == ["gold"]
    await store.close()
    assert not (tmp_path / LOG).exists()


async def test_a_log_with_commits_is_left_as_it_is(tmp_path: Path) -> None:
    store = opened(tmp_path)
    await store.write(add_plan("gold"))
    before = (tmp_path / LOG).read_bytes()

    prepare_log(tmp_path / LOG)

    assert (tmp_path / LOG).read_bytes() == before
    await store.close()


@pytest.mark.parametrize("written", [0, 1, 31, 32, 4096, 5_000_000, PREPARED_BYTES])
async def test_a_power_cut_while_the_log_is_prepared_loses_nothing(tmp_path: Path, written: int) -> None:
    store = opened(tmp_path)
    await store.write(add_plan("gold"))
    await store.close()
    (tmp_path / LOG).write_bytes(bytes(written))

    store = opened(tmp_path, serving=True)

    assert await store.read(plans) == ["gold"]
    await store.write(add_plan("silver"))
    assert await store.read(plans) == ["gold", "silver"]
    await store.close()


async def test_a_disk_without_room_for_a_prepared_log_is_no_reason_to_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[int] = []

    def pwrite(_handle: int, data: bytes, _offset: int) -> int:
        written.append(len(data))
        raise OSError(errno.ENOSPC, "No space left on device")

    await opened(tmp_path).close()
    with monkeypatch.context() as full:
        full.setattr(os, "pwrite", pwrite)
        store = opened(tmp_path, serving=True)
    await store.write(add_plan("gold"))

    assert written
    assert (tmp_path / LOG).stat().st_size < PREPARED_BYTES
    await store.close()
