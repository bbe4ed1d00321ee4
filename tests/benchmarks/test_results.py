"""A figure that is worse than it may be is named; a file of rows has every name."""

from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest
from benchmarks.durable.idle import Idle, less_sync
from benchmarks.load import Sample
from benchmarks.results.comparison import committed, grown, missed
from benchmarks.results.ratios import COMPARED, Compared, Ratio, summary
from benchmarks.results.rows import FURTHER, NAMES, counted_rows, timed_rows, write_rows
from benchmarks.runs import Measured

GOOD = {"yardstick": 1_000.0, "noop": 1_000.0, "textbook": 20.0, "post": 600.0, "post_oem": 400.0, "get": 1_000.0}
"""Rates that keep every bound."""
NOTHING = Sample(0.0, 1.0, 1.0, 0)


def one_round(**rates: float) -> dict[str, Sample]:
    return {name: Sample(rate, 10.0, 15.0, 100) for name, rate in (GOOD | rates).items()}


def rounds(name: str, rates: Sequence[float]) -> list[dict[str, Sample]]:
    return [one_round(**{name: rate}) for rate in rates]


@pytest.mark.parametrize(("instructions", "named"), [(1_000, False), (1_050, False), (1_051, True), (500, False)])
def test_an_item_may_cost_a_twentieth_more(instructions: int, named: bool) -> None:
    assert bool(grown({"post": instructions}, {"post": 1_000})) is named


def test_a_new_item_is_compared_with_nothing() -> None:
    assert grown({"event": 10**9, "post": 1_000}, {"post": 1_000}) == []


def test_an_item_that_is_not_counted_any_more_is_named() -> None:
    assert grown({}, {"post": 1_000}) == ["post is not counted any more."]


def test_every_bound_can_be_kept() -> None:
    assert missed([one_round()]) == []


@pytest.mark.parametrize(
    ("row", "other", "bound"),
    [("post", "yardstick", 0.42), ("post", "textbook", 27.0), ("post_oem", "yardstick", 0.28), ("get", "noop", 0.95)],
)
def test_each_ratio_of_rates_is_compared_with_its_bound(row: str, other: str, bound: float) -> None:
    below = bound * GOOD[other] * 0.99

    assert f"{row} / {other}" in [sentence.split(" is ")[0] for sentence in missed([one_round(**{row: below})])]


def test_the_tail_of_a_post_is_at_most_so_many_times_its_median() -> None:
    def tail(p99: float) -> list[str]:
        return missed([one_round() | {"post": Sample(600.0, 10.0, p99, 100)}])

    assert tail(16.0) == []
    assert tail(16.1) == ["p99 / p50 of post is 1.61 ± 0.00; its bound is 1.6."]


@pytest.mark.parametrize(
    ("posts", "named"),
    [
        ((420, 420, 420), False),
        ((419, 419, 419), True),
        ((400, 415, 450), False),
        ((402, 412, 422), True),
        ((300, 300, 415, 415, 415, 500), False),
        ((300, 415, 415, 415, 415, 415, 500), True),
    ],
)
def test_a_ratio_may_miss_its_bound_by_its_noise(posts: tuple[float, ...], named: bool) -> None:
    """Half of what lies between the quartiles: one round that the machine spoilt is no noise."""
    sentences = missed(rounds("post", posts))

    assert any(sentence.startswith("post / yardstick") for sentence in sentences) is named


def test_a_ratio_is_taken_within_each_round() -> None:
    """Both sides of the second round are twice as slow: nothing changed."""
    slower = {name: sample._replace(rate=sample.rate / 2) for name, sample in one_round().items()}

    assert Compared("post", "yardstick").of([one_round(), slower]) == Ratio(0.6, 0.0)


def test_one_round_has_no_noise() -> None:
    assert summary([0.5]) == Ratio(0.5, 0.0)


def test_the_present_edge_is_shown_beside_the_yardstick_without_a_bound() -> None:
    assert [(each.row, each.bound) for each in COMPARED if each.other == "noop" and each.row != "get"] == [
        ("post", None), ("post_oem", None),
    ]  # fmt: skip


def test_idle_is_less_what_its_fdatasync_takes_above_a_quarter_of_a_millisecond() -> None:
    measured = Sample(100.0, 3.0, 6.0, 300)

    assert less_sync(measured, 0.75)[1:3] == (2.5, 5.5)
    assert less_sync(measured, 0.2) == measured


def test_every_item_has_a_committed_figure() -> None:
    assert {"noop", "post", "post_oem", "get", "lifecycle", "verified_lifecycle"} == set(committed())


def test_both_forms_write_the_same_names_and_members(tmp_path: Path) -> None:
    alone = {name: Sample(5.0, 2.0, 4.0, 9) for name in (*NAMES, *FURTHER) if name not in GOOD}
    measured = Measured([one_round(noop=1_200.0)], alone, Idle(NOTHING, NOTHING, 0.1))
    written = {}
    for form, rows in (("timed", timed_rows(measured)), ("counted", counted_rows({"post": 7, "event": 3}))):
        write_rows(tmp_path / "rows.json", rows)
        written[form] = msgspec.json.decode((tmp_path / "rows.json").read_bytes())["rows"]
        assert [row["name"] for row in written[form]][: len(NAMES)] == list(NAMES)
        assert set(written[form][0]) == {
            "name", "instructions", "per_second", "p50_ms", "p99_ms", "of_noop", "of_textbook",
        }  # fmt: skip
    timed = {row["name"]: row for row in written["timed"]}
    assert timed["noop"]["of_noop"] == 1.2
    assert (timed["post"]["of_noop"], timed["post"]["of_textbook"], timed["post"]["instructions"]) == (0.6, 30.0, None)
    assert (timed["idle"]["per_second"], timed["idle"]["p50_ms"]) == (None, 2.0)
    assert [(row["name"], row["instructions"]) for row in written["counted"] if row["instructions"]] == [
        ("post", 7), ("event", 3),
    ]  # fmt: skip
