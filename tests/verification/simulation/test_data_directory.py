"""A directory that scenarios use one after another is as on its first day before each of them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest
from verification.simulation.scenario import run
from verification.simulation.world.data_directory import DataDirectory
from verification.simulation.world.installation import make_template

from keyturn.store.sqlite.directory import FILE_NAME

SEEDS = range(60, 90)
Content = dict[str, list[tuple[Any, ...]]]


@pytest.fixture
def template(tmp_path: Path) -> Path:
    return make_template(tmp_path / "template")


@pytest.fixture
def data_dir(template: Path, tmp_path: Path) -> Iterator[DataDirectory]:
    with DataDirectory(template, tmp_path / "site") as data_dir:
        yield data_dir


def content(connection: apsw.Connection) -> Content:
    """Every row of every table."""
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    names: list[tuple[Any, ...]] = connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"
    ).fetchall()
    return {name: connection.execute(f"SELECT * FROM {name}").fetchall() for (name,) in names}


def test_no_connection_remembers_the_scenario_before(data_dir: DataDirectory) -> None:
    first_day = content(data_dir.inspector)
    changed = 0
    for seed in SEEDS:
        run(seed, data_dir)
        changed += content(data_dir.inspector) != first_day

        data_dir.refresh()

        lent = [data_dir.lend(data_dir.directory / FILE_NAME, mode) for mode in ("rw", "ro")]
        assert [content(connection) for connection in (data_dir.inspector, *lent)] == [first_day] * 3
        for connection in lent:
            connection.close()
    assert changed > len(SEEDS) // 2


def test_a_scenario_is_the_same_whatever_ran_before_it(data_dir: DataDirectory, template: Path, tmp_path: Path) -> None:
    digests = [run(seed, data_dir, traced=True).digest for seed in SEEDS]
    for seed, digest in [*zip(SEEDS, digests, strict=True)][::10]:
        with DataDirectory(template, tmp_path / str(seed)) as fresh:
            assert run(seed, fresh, traced=True).digest == digest


def test_a_directory_that_is_still_written_is_not_refreshed(data_dir: DataDirectory) -> None:
    writing = data_dir.lend(data_dir.directory / FILE_NAME, "rw")
    writing.execute("BEGIN IMMEDIATE")
    with pytest.raises(RuntimeError, match="still"):
        data_dir.refresh()
