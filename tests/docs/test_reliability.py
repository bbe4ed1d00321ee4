"""The page on reliability lists every deliberate bug with what must notice it, and those checks and tests are there."""

import re
from pathlib import Path

from verification.mutations import BUGS, Bug
from verification.simulation.invariants import CHECKS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "reliability.md").read_text("utf-8")
ON_THE_WAY = (
    "no defect in the engine", "the way back is open", "every request is answered", "the time is right",
    "a node stops in good order", "every entry is sealed, in order",
)  # fmt: skip
"""Checks that are made while a scenario runs."""


def test_every_deliberate_bug_is_listed() -> None:
    listed = re.findall(r"^\| (.+?) \| (?:check \*(.+?)\*|`(tests/.+?)`) \|$", PAGE, re.MULTILINE)

    assert [tuple(row) for row in listed] == [(bug.name, bug.check, _file(bug)) for bug in BUGS]
    assert len(BUGS) >= 20


def test_every_check_and_test_that_it_names_exists() -> None:
    checks = (*CHECKS, *ON_THE_WAY)
    for bug in BUGS:
        if bug.test:
            assert (ROOT / _file(bug)).is_file(), bug.test
        else:
            assert any(name.startswith(bug.check) for name in checks), bug.check


def _file(bug: Bug) -> str:
    return bug.test.partition("::")[0]
