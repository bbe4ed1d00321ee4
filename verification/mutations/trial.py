"""A deliberate bug in a copy of the source tree, and what notices it: a check of the simulation, or a test."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from verification.mutations.bug import Bug

ROOT = Path(__file__).parents[2]
_SCENARIOS = 2_000
_FOUND = re.compile(r"^seed (\d+): \[([^\]]+)\]", re.MULTILINE)
_FAILED = re.compile(r"^(?:FAILED|ERROR) \S+?::(.+?)(?: - |$)", re.MULTILINE)


class Catch(NamedTuple):
    bug: Bug
    caught_by: str
    """The check, or the test; empty: nothing did."""
    where: str
    """The scenario that showed it, or what was seen instead."""


@contextmanager
def applied(bug: Bug) -> Iterator[Path]:
    """A copy of the source tree that has the bug."""
    with tempfile.TemporaryDirectory() as home:
        copy = Path(home)
        for part in ("src", "verification", "tests"):
            shutil.copytree(ROOT / part, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "pyproject.toml", copy)
        _apply(bug, copy / "src" / "keyturn" / bug.file)
        yield copy


def catch(bug: Bug) -> Catch:
    """Raises `SystemExit` when the bug's text is not once in its file, or its test cannot run."""
    with applied(bug) as copy:
        if bug.test:
            failed = failing_test(bug.test, copy)
            return Catch(bug, bug.test.partition("::")[0], failed) if failed else Catch(bug, "", "the test passes")
        return _by_simulation(bug, copy)


def _apply(bug: Bug, path: Path) -> None:
    text = path.read_text("utf-8")
    if text.count(bug.old) != 1:
        raise SystemExit(f"{bug.name}: its text is {text.count(bug.old)} times in {bug.file}")
    path.write_text(text.replace(bug.old, bug.new), "utf-8")


def _by_simulation(bug: Bug, copy: Path) -> Catch:
    """Violations of the checks that are expected count; any other may be the bug's too, but proves less."""
    wanted = ["--scenarios", str(_SCENARIOS), "--jobs", "1", "--stop-at", bug.check, *["--insiders"][: bug.insiders]]
    done = _run([sys.executable, "-m", "verification.simulation", *wanted], copy)
    if "scenarios with violations" not in done.stdout:
        raise SystemExit(f"{bug.name}: the simulation did not come to its end: {done.stderr[-2000:]}")
    found = [(seed, check) for seed, check in _FOUND.findall(done.stdout)]
    expected = next(((seed, check) for seed, check in found if check.startswith(bug.check)), None)
    return Catch(bug, expected[1], f"seed {expected[0]}") if expected else Catch(bug, "", f"found only {found[:3]}")


def failing_test(test: str, root: Path) -> str:
    """The first test of these that fails; empty: all pass."""
    done = _run([sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", test], root)
    if done.returncode not in (0, 1):
        raise SystemExit(f"{test} cannot run: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    found = _FAILED.search(done.stdout)
    return found.group(1) if found else ""


def _run(command: list[str], copy: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(copy / "src"), str(copy)))}
    return subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, check=False)
