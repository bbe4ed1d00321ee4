"""What is made when there is nothing, and what is refused with one sentence."""

import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import apsw
import pytest

from keyturn.store.port import StoreRefused
from keyturn.store.sqlite.directory import FILE_NAME
from keyturn.store.sqlite.migration import (
    APPLICATION_ID,
    Migration,
    apply_migration,
    known_migrations,
    pending_migrations,
)
from keyturn.store.sqlite.store import SqliteStore, open_sqlite
from tests.support.clock import ManualClock
from tests.support.store_reader import connect

from .work import add_plan, plans

pytestmark = pytest.mark.anyio
NOBODY = 65534


def open_in(directory: Path) -> SqliteStore:
    return open_sqlite(directory, ManualClock(), lambda _topic, _key, _row=None: None)


def refusal(directory: Path) -> str:
    with pytest.raises(StoreRefused) as refused:
        open_in(directory)
    return str(refused.value)


async def make_store(directory: Path) -> None:
    await open_in(directory).close()


def names_in(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def edit(file: Path, statement: str) -> None:
    with closing(connect(file)) as stranger, stranger:
        stranger.execute(statement)


@contextmanager
def unprivileged() -> Iterator[None]:
    """Be nobody: the superuser may write everywhere."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(before)


@contextmanager
def public_directory() -> Iterator[Path]:
    """A directory that everybody may look into, as those of pytest are not."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        directory.chmod(0o755)
        yield directory


async def test_a_missing_directory_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    directory = tmp_path / "deep" / "data"
    before = os.umask(0)
    try:
        store = open_in(directory)
        await store.write(add_plan("gold"))
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in [directory, *directory.iterdir()]}
    finally:
        os.umask(before)
    await store.close()
    assert modes == {"data": 0o700, FILE_NAME: 0o600, f"{FILE_NAME}-wal": 0o600, f"{FILE_NAME}-shm": 0o600}


async def test_a_closed_store_is_one_file(tmp_path: Path) -> None:
    store = open_in(tmp_path)
    await store.write(add_plan("gold"))
    assert await store.read(plans) == ["gold"]
    await store.close()
    assert names_in(tmp_path) == [FILE_NAME]


async def test_a_relative_directory_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    await make_store(Path("100% data?#"))
    assert (tmp_path / "100% data?#" / FILE_NAME).is_file()


async def test_a_new_store_is_of_epoch_one_and_keeps_a_raised_epoch(tmp_path: Path) -> None:
    store = open_in(tmp_path)
    assert store.epoch == 1
    await store.close()
    edit(tmp_path / FILE_NAME, "UPDATE store_fact SET value = '7' WHERE name = 'epoch'")
    store = open_in(tmp_path)
    assert store.epoch == 7
    await store.close()


async def test_a_store_left_by_a_crash_opens_with_everything_in_it(tmp_path: Path) -> None:
    store = open_in(tmp_path / "first")
    await store.write(add_plan("gold"))
    (tmp_path / "second").mkdir()
    for name in (FILE_NAME, f"{FILE_NAME}-wal"):
        (tmp_path / "second" / name).write_bytes((tmp_path / "first" / name).read_bytes())
    await store.close()
    survivor = open_in(tmp_path / "second")
    assert await survivor.read(plans) == ["gold"]
    await survivor.close()


def test_a_file_where_the_directory_should_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    assert refusal(tmp_path / "data") == f"{tmp_path / 'data'} cannot be used: File exists."


def test_a_directory_that_cannot_be_written_is_refused() -> None:
    with public_directory() as directory:
        directory.chmod(0o555)
        with unprivileged():
            sentence = refusal(directory)
    assert sentence == f"{directory / FILE_NAME} cannot be used: Permission denied."


async def test_a_file_that_cannot_be_written_is_refused() -> None:
    with public_directory() as directory:
        await make_store(directory)
        (directory / FILE_NAME).chmod(0o444)
        with unprivileged():
            sentence = refusal(directory)
    assert sentence == f"{directory / FILE_NAME} cannot be used: Permission denied."


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"not a database at all" * 100)
    assert refusal(tmp_path) == f"{tmp_path / FILE_NAME} cannot be opened: file is not a database."


async def test_a_damaged_database_is_refused(tmp_path: Path) -> None:
    await make_store(tmp_path)
    with (tmp_path / FILE_NAME).open("r+b") as file:
        file.seek(100)
        file.write(b"\xff" * 3000)
    assert refusal(tmp_path) == f"{tmp_path / FILE_NAME} cannot be opened: database disk image is malformed."


@pytest.mark.parametrize("statement", ["CREATE TABLE invoice (id INTEGER)", "PRAGMA application_id = 42"])
def test_the_database_of_another_program_is_refused_and_left_as_it_was(tmp_path: Path, statement: str) -> None:
    edit(tmp_path / FILE_NAME, statement)
    before = (tmp_path / FILE_NAME).read_bytes()
    assert refusal(tmp_path) == f"{tmp_path / FILE_NAME} is the SQLite database of another program."
    assert (tmp_path / FILE_NAME).read_bytes() == before


async def test_a_database_of_a_newer_keyturn_is_refused(tmp_path: Path) -> None:
    await make_store(tmp_path)
    edit(tmp_path / FILE_NAME, "INSERT INTO migration VALUES (9999, 'later', 'sha', 1)")
    last = len(known_migrations())
    assert refusal(tmp_path) == (
        f"{tmp_path / FILE_NAME} was written by a newer Keyturn: this one ends at migration {last}."
    )


async def test_a_database_made_by_another_wording_of_a_migration_is_refused(tmp_path: Path) -> None:
    await make_store(tmp_path)
    edit(tmp_path / FILE_NAME, "UPDATE migration SET sha256 = 'other' WHERE number = 2")
    assert refusal(tmp_path) == f"{tmp_path / FILE_NAME} was made with another wording of migration 0002."


async def test_a_refused_store_can_be_opened_once_it_is_put_right(tmp_path: Path) -> None:
    await make_store(tmp_path)
    edit(tmp_path / FILE_NAME, "PRAGMA application_id = 42")
    refusal(tmp_path)
    edit(tmp_path / FILE_NAME, f"PRAGMA application_id = {APPLICATION_ID}")
    await make_store(tmp_path)


def test_the_migrations_are_numbered_without_a_gap() -> None:
    known = known_migrations()
    assert [migration.number for migration in known] == list(range(1, len(known) + 1))


async def test_the_file_says_whose_it_is_and_how_far_it_is(tmp_path: Path) -> None:
    await make_store(tmp_path)
    with closing(connect(tmp_path / FILE_NAME)) as stranger:
        assert stranger.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
        assert stranger.execute("PRAGMA user_version").fetchone() == (len(known_migrations()),)
        applied = stranger.execute("SELECT number, name, sha256, applied_at FROM migration").fetchall()
    assert applied == [(one.number, one.name, one.sha256, ManualClock().now()) for one in known_migrations()]


def test_a_migration_is_applied_whole_or_not_at_all_and_the_next_start_goes_on_from_there(tmp_path: Path) -> None:
    path = tmp_path / FILE_NAME
    good, bad = Migration(1, "good", "CREATE TABLE a (x);"), Migration(2, "bad", "CREATE TABLE b (x); NONSENSE;")
    mended = Migration(2, "mended", "CREATE TABLE c (x);")
    with closing(connect(path)) as connection:
        assert pending_migrations(connection, path, [good, bad]) == [good, bad]
        apply_migration(connection, good, 1)
        with pytest.raises(apsw.SQLError, match="NONSENSE"):
            apply_migration(connection, bad, 1)
    with closing(connect(path)) as connection:
        assert pending_migrations(connection, path, [good, mended]) == [mended]
        apply_migration(connection, mended, 2)
        assert pending_migrations(connection, path, [good, mended]) == []
        tables = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").fetchall()
    assert tables == [("a",), ("c",), ("migration",)]
