"""A figure that is worse than it may be is named; a file of rows has every name."""

from pathlib import Path

import msgspec
import pytest
from benchmarks.load import Sample
from benchmarks.results.comparison import BOUNDS, committed, grown, missed
from benchmarks.results.rows import TIMED, counted_rows, timed_rows, write_rows


def run(**rates: float) -> dict[str, Sample]:
    names = {*TIMED.values(), *(name for pair in BOUNDS for name in pair)}
    return {name: Sample(rates.get(name, 1_000.0), 10.0, 15.0, 100) for name in names}


@pytest.mark.parametrize(("instructions", "named"), [(1_000, False), (1_050, False), (1_051, True)])
def test_an_item_may_cost_a_twentieth_more(instructions: int, named: bool) -> None:
    assert bool(grown({"post": instructions}, {"post": 1_000})) is named


def test_a_new_item_is_compared_with_nothing() -> None:
    assert grown({"event": 10**9}, {"post": 1_000}) == []


@pytest.mark.parametrize(
    ("posts", "named"), [((420, 420, 420), False), ((410, 410, 410), True), ((400, 415, 450), False)]
)
def test_a_ratio_may_miss_its_bound_by_its_noise(posts: tuple[float, ...], named: bool) -> None:
    runs = [run(post=rate, textbook=1.0, awaited=900.0) for rate in posts]

    assert any(sentence.startswith("post / noop") for sentence in missed(runs)) is named


def test_every_item_has_a_committed_figure() -> None:
    assert {"noop", "post", "post_oem", "get", "lifecycle", "verified_lifecycle"} == set(committed())


def test_both_forms_write_the_same_names_and_members(tmp_path: Path) -> None:
    for rows in (timed_rows([run()]), counted_rows({"post": 7})):
        write_rows(tmp_path / "rows.json", rows)
        written = msgspec.json.decode((tmp_path / "rows.json").read_bytes())["rows"]
        assert [row["name"] for row in written] == list(TIMED)
        assert set(written[0]) == {
            "name", "instructions", "per_second", "p50_ms", "p99_ms", "of_noop", "of_textbook",
        }  # fmt: skip
    assert [row["instructions"] for row in written if row["name"] == "post"] == [7]
