"""The checks name kinds of audit entries that the product writes: a check for another word never sees anything."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from keyturn.audit.kinds import KINDS

VERIFICATION = Path(__file__).parents[2] / "verification"
SUBJECTS = {kind.partition(".")[0] for kind in KINDS}
DEEDS = {kind.removeprefix("command.") for kind in KINDS if kind.startswith("command.")}
CHECKS = sorted((*VERIFICATION.glob("checks/*.py"), *VERIFICATION.glob("*/checks/*.py"), VERIFICATION / "results.py"))


def compared(tree: ast.AST) -> Iterator[str]:
    """Every text that something called `kind` is compared with, by ``==``, ``!=`` or ``in``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare) and isinstance(node.left, ast.Attribute | ast.Name):
            name = node.left.attr if isinstance(node.left, ast.Attribute) else node.left.id
            if name == "kind":
                inside = (part for other in node.comparators for part in ast.walk(other))
                yield from (
                    part.value for part in inside if isinstance(part, ast.Constant) and isinstance(part.value, str)
                )


@pytest.mark.parametrize("path", CHECKS, ids=lambda path: path.relative_to(VERIFICATION).as_posix())
def test_checks_compare_kinds_with_those_that_are_written(path: Path) -> None:
    tree = ast.parse(path.read_text("utf-8"))
    texts = {part.value for part in ast.walk(tree) if isinstance(part, ast.Constant) and isinstance(part.value, str)}
    whole = {text for text in texts if text.partition(".")[0] in SUBJECTS and re.fullmatch(r"\w+\.\w+", text)}
    assert whole - KINDS == set()
    assert set(compared(tree)) - DEEDS - KINDS - {""} == set()


def test_the_checks_compare_kinds() -> None:
    """Else the test above would look for nothing."""
    assert {"Dispatching", "coalesced"} <= {kind for path in CHECKS for kind in compared(ast.parse(path.read_text()))}
