"""A directory that scenarios use one after another is as on its first day before each of them."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from torture.installation import make_template
from torture.scenario import run
from torture.site import Site

from keyturn.store.sqlite.store import FILE_NAME

SEEDS = range(60, 90)
Content = dict[str, list[tuple[Any, ...]]]


@pytest.fixture
def template(tmp_path: Path) -> Path:
    return make_template(tmp_path / "template")


@pytest.fixture
def site(template: Path, tmp_path: Path) -> Iterator[Site]:
    with Site(template, tmp_path / "site") as site:
        yield site


def content(connection: sqlite3.Connection) -> Content:
    """Every row of every table."""
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").fetchall()
    return {name: connection.execute(f"SELECT * FROM {name}").fetchall() for (name,) in names}


def test_no_connection_remembers_the_scenario_before(site: Site) -> None:
    first_day = content(site.inspector)
    changed = 0
    for seed in SEEDS:
        run(seed, site)
        changed += content(site.inspector) != first_day

        site.refresh()

        lent = [site.lend(site.directory / FILE_NAME, mode) for mode in ("rw", "ro")]
        assert [content(connection) for connection in (site.inspector, *lent)] == [first_day] * 3
        for connection in lent:
            connection.close()
    assert changed > len(SEEDS) // 2


def test_a_scenario_is_the_same_whatever_ran_before_it(site: Site, template: Path, tmp_path: Path) -> None:
    digests = [run(seed, site, traced=True).digest for seed in SEEDS]
    for seed, digest in [*zip(SEEDS, digests, strict=True)][::10]:
        with Site(template, tmp_path / str(seed)) as fresh:
            assert run(seed, fresh, traced=True).digest == digest


def test_a_directory_that_is_still_written_is_not_refreshed(site: Site) -> None:
    writing = site.lend(site.directory / FILE_NAME, "rw")
    writing.execute("BEGIN IMMEDIATE")
    with pytest.raises(RuntimeError, match="still"):
        site.refresh()
