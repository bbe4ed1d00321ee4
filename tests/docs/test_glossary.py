"""The glossary is one alphabetical table, each term once and with its meaning."""

import re
from pathlib import Path

PAGE = (Path(__file__).parents[2] / "docs" / "glossary.md").read_text("utf-8")
ROWS = [[cell.strip() for cell in line.split("|")[1:-1]] for line in PAGE.splitlines() if re.match(r"\| [^-]", line)][
    1:
]
TERMS = [row[0].strip("`").lower() for row in ROWS]


def test_terms_are_in_order_and_each_is_there_once() -> None:
    assert sorted(set(TERMS)) == TERMS
    assert len(TERMS) > 100


def test_every_term_has_a_meaning_and_a_place() -> None:
    assert [row for row in ROWS if len(row) != 4 or not row[1].endswith(".") or not row[2].startswith("`")] == []
