"""Decision records: numbers without gaps, every field filled in, listed in the index, and the tests they name exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "decisions"
RECORDS = sorted(FOLDER.glob("[0-9]*.md"))
SECTIONS = ["Context", "Decision", "Alternatives", "Evidence"]
STATUS = re.compile(r"(Proposed|Accepted|Superseded by \[(\d+)\]\((\d{4})-[\w-]+\.md\))(; .+)?")

each_record = pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.stem)


def number(record: Path) -> int:
    return int(record.name[:4])


def test_numbers_have_no_gaps() -> None:
    assert [number(record) for record in RECORDS] == list(range(1, len(RECORDS) + 1))
    assert len(RECORDS) >= 62


@each_record
def test_a_record_has_its_title_date_and_status(record: Path) -> None:
    title, _, date, status = record.read_text("utf-8").splitlines()[:4]
    assert re.fullmatch(rf"# {number(record)}\. \S.*", title)
    assert re.fullmatch(r"- \*\*Date:\*\* \d{4}-\d\d-\d\d", date)
    value = STATUS.fullmatch(status.removeprefix("- **Status:** "))
    assert value is not None, status
    assert value[2] is None or number(record) < int(value[2]) == int(value[3])


@each_record
def test_a_record_has_every_section_filled_in(record: Path) -> None:
    parts = re.split(r"^## (.+)$", record.read_text("utf-8"), flags=re.MULTILINE)[1:]
    assert parts[::2] == SECTIONS
    assert all(text.strip() for text in parts[1::2])


@each_record
def test_the_files_and_tests_that_a_record_names_exist(record: Path) -> None:
    for file, test in re.findall(r"`((?:tests|benchmarks)/[\w/]+\.py)(?:::(\w+))?`", record.read_text("utf-8")):
        assert (ROOT / file).is_file(), file
        assert not test or re.search(rf"def {test}\b", (ROOT / file).read_text("utf-8")), test


def test_the_index_lists_every_record_in_order_with_its_title_and_date() -> None:
    index = (FOLDER / "README.md").read_text("utf-8")
    rows = re.findall(r"^\| (\d+) \| \[(.+)\]\((.+\.md)\) \| (\S+) \| .+ \|$", index, re.MULTILINE)
    assert rows == [_row(record) for record in RECORDS]


def _row(record: Path) -> tuple[str, str, str, str]:
    title, _, date = record.read_text("utf-8").splitlines()[:3]
    place, _, words = title.removeprefix("# ").partition(". ")
    return place, words, record.name, date.removeprefix("- **Date:** ")
