"""The simulation finds no violation, repeats a seed exactly, and finds deliberate bugs."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from verification.mutations import BUGS, Bug
from verification.mutations.trial import applied

ROOT = Path(__file__).parents[3]
SCENARIOS = 1_000
SEEN_SOON = (
    "an unclear sending is retried",
    "a redeemed code is not burnt",
    "vehicles are found without regard to the company",
    "answered before the commit",
    "a restoring command supersedes nothing",
    "the newest goes first",
    "verdicts are written and not obeyed",
    "a switch is not read before sending",
    "disables are not counted",
    "rotating a secret is not guarded",
    "whoever proposes a change approves it",
    "withdrawing takes a second factor",
)
"""Bugs that a few dozen scenarios notice."""
SHOWED = ("19573", "317365", "27745", "55146", "16500")
"""Seeds that showed a violation once: of the product, of a check, of a wait that went by the wall clock."""


def simulate(*arguments: str, root: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join((str(root / "src"), str(root)))
    return subprocess.run(
        [sys.executable, "-m", "verification.simulation", *arguments],
        cwd=root,
        env={**os.environ, "PYTHONPATH": path, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.timeout(300)
def test_a_thousand_scenarios_violate_nothing() -> None:
    done = simulate("--scenarios", str(SCENARIOS), "--jobs", "2")

    assert "\n0 scenarios with violations" in done.stdout, done.stdout + done.stderr
    assert done.stdout.startswith(f"{SCENARIOS} scenarios, ")
    assert done.returncode == 0


@pytest.mark.parametrize("seed", ["7", "31", "37", "250"])
def test_a_seed_means_the_same_in_every_process(seed: str) -> None:
    first = simulate("--replay", seed, PYTHONHASHSEED="1")
    second = simulate("--replay", seed, PYTHONHASHSEED="2")

    assert first.stdout == second.stdout
    assert re.search(rf"^seed {seed}, digest [0-9a-f]{{16}}, 0 violations$", first.stdout, re.MULTILINE)


@pytest.mark.parametrize("seed", SHOWED)
def test_a_seed_that_showed_a_violation_shows_none_any_more(seed: str) -> None:
    assert simulate("--replay", seed).stdout.endswith(", 0 violations\n")


@pytest.mark.parametrize("bug", [bug for bug in BUGS if bug.name in SEEN_SOON], ids=lambda bug: bug.name)
def test_a_bug_is_noticed_by_the_check_that_is_meant_for_it(bug: Bug) -> None:
    among = ["--insiders"] if bug.insiders else []
    with applied(bug) as copy:
        done = simulate("--scenarios", "300", "--jobs", "1", "--stop-at", bug.check, *among, root=copy)

    assert f"[{bug.check}" in done.stdout, done.stdout + done.stderr
    assert done.returncode == 1
