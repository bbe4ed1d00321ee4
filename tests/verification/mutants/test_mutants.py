"""Mutation testing itself: a change that breaks the product is noticed, the product is not, and its lists are true."""

import subprocess
import sys
from pathlib import Path

import pytest
from verification.mutants.explained import explained
from verification.mutants.mutant import SOURCES, Mutant, sample
from verification.mutants.targets import TARGETS

ROOT = Path(__file__).parents[3]
MODULE = "fleet/reports.py"
LINE = "signal.confirmed_at is not None and signal.confirmed_at > instant"
TRY = """
import sys
from verification.mutants.mutant import SOURCES, Mutant
from verification.mutants.trial import run_tests
path = SOURCES / sys.argv[1]
text = path.read_text("utf-8")
assert sys.argv[2] in text
mutant = Mutant(str(path), "", 1, sys.argv[2], sys.argv[3], 1, text.replace(sys.argv[2], sys.argv[3]))
print(run_tests(mutant, ["fleet/test_evidence.py"], 60.0))
"""


def tried(line: str, instead: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", TRY, MODULE, line, instead], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("instead", "verdict"),
    [
        (LINE, "survived"),
        (LINE.replace(">", "<"), "killed"),
        ("signal.confirmed_at is not None and no_such_name > instant", "killed"),
        (f"{LINE}\n\nraise RuntimeError", "broken"),
    ],
)
def test_the_verdict_on_a_mutant_is_that_of_its_tests(instead: str, verdict: str) -> None:
    assert tried(LINE, instead) == verdict


def mutant(after: str) -> Mutant:
    return Mutant(str(SOURCES / MODULE), "", 1, "before", after, 1, "")


def test_a_seed_chooses_the_same_mutants_whatever_else_there_is() -> None:
    few = [mutant(str(number)) for number in range(50)]
    chosen = sample(few, 20, seed=7)

    more = [*few, *(mutant(str(number)) for number in range(50, 60))]
    still = {each.after for each in sample(more, 20, seed=7)}

    assert len(chosen) == 20
    assert sample(few, 20, seed=8) != chosen
    assert {each.after for each in chosen} >= {after for after in still if int(after) < 50}


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.module)
def test_every_module_and_its_tests_are_there(target: tuple[str, tuple[str, ...]]) -> None:
    module, tests = target
    assert (SOURCES / module).is_file()
    assert [test for test in tests if not (ROOT / "tests" / test).is_file()] == []


@pytest.mark.parametrize("row", explained().values(), ids=lambda row: f"{row.module}: {row.after}")
def test_what_is_explained_is_still_in_the_product_and_has_a_reason(row: object) -> None:
    module, before, why = (getattr(row, name) for name in ("module", "before", "why"))
    text = " ".join((SOURCES / module).read_text("utf-8").split())

    assert module in {target.module for target in TARGETS}
    assert " ".join(before.split()) in text
    assert why.endswith(".")
