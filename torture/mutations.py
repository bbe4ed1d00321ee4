"""Do the checks bite? Deliberate bugs, each applied to a copy of the source, and what caught it.

``python -m torture.mutations`` runs all of them, or those named.
"""

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

from .bugs import BUGS, Bug

_ROOT = Path(__file__).parent.parent
_SCENARIOS = 1200
_FOUND = re.compile(r"^seed (\d+): \[([^\]]+)\]", re.MULTILINE)
_FAILED = re.compile(r"^(?:FAILED|ERROR) \S+?::(.+?)(?: - |$)", re.MULTILINE)


class Catch(NamedTuple):
    bug: Bug
    caught_by: str
    """The check, or the test; empty: nothing did."""
    where: str
    """The scenario that showed it, or what was seen instead."""


def main(names: list[str]) -> int:
    """0: every bug was caught."""
    chosen = [bug for bug in BUGS if not names or bug.name in names]
    for test in dict.fromkeys(bug.test for bug in chosen if bug.test):
        if _failed(test, _ROOT):
            raise SystemExit(f"{test} fails without any of the bugs: it would prove nothing")
    missed = 0
    for bug in chosen:
        catch = _caught(bug)
        missed += not catch.caught_by
        print(
            f"{'caught' if catch.caught_by else 'MISSED':6}  {bug.name:45} {catch.caught_by} {catch.where}", flush=True
        )
    print(f"{len(chosen) - missed} of {len(chosen)} caught")
    return 1 if missed else 0


@contextmanager
def applied(bug: Bug) -> Iterator[Path]:
    """A copy of the source tree that has the bug."""
    with tempfile.TemporaryDirectory() as home:
        copy = Path(home)
        for part in ("src", "torture", "tests", "durability"):
            shutil.copytree(_ROOT / part, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(_ROOT / "pyproject.toml", copy)
        _apply(bug, copy / "src" / "keyturn" / bug.file)
        yield copy


def _caught(bug: Bug) -> Catch:
    with applied(bug) as copy:
        if bug.test:
            failed = _failed(bug.test, copy)
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
    done = _run([sys.executable, "-m", "torture", *wanted], copy)
    found = [(seed, check) for seed, check in _FOUND.findall(done.stdout)]
    expected = next(((seed, check) for seed, check in found if check.startswith(bug.check)), None)
    return Catch(bug, expected[1], f"seed {expected[0]}") if expected else Catch(bug, "", f"found only {found[:3]}")


def _failed(test: str, root: Path) -> str:
    """The first test of these that fails; empty: all pass."""
    done = _run([sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", test], root)
    if done.returncode not in (0, 1):
        raise SystemExit(f"{test} cannot run: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    found = _FAILED.search(done.stdout)
    return found.group(1) if found else ""


def _run(command: list[str], copy: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(copy / "src"), str(copy)))}
    return subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, check=False)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
