"""Scenarios over several processes; each has a directory of its own in memory where there is one."""

import multiprocessing
import tempfile
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

from .installation import make_template
from .scenario import Result, run

_MEMORY = Path("/dev/shm")
_AT_ONCE = 20


def run_all(seeds: Iterable[int], jobs: int) -> Iterator[Result]:
    """The results of all seeds, as they come."""
    with tempfile.TemporaryDirectory(dir=_place()) as home:
        template = make_template(Path(home) / "template")
        work = partial(_run_one, template, Path(home))
        if jobs == 1:
            yield from map(work, seeds)
            return
        with multiprocessing.get_context("spawn").Pool(jobs) as pool:
            yield from pool.imap_unordered(work, seeds, chunksize=_AT_ONCE)


def replay(seed: int) -> int:
    """Run one scenario and print everything that happened. 0: nothing is violated."""
    (result,) = run_all([seed], 1)
    for at, text in result.trace:
        print(f"{at:10.4f}  {text}")
    for violation in result.violations:
        print(f"VIOLATED [{violation.check}] {violation.what}")
    print(f"seed {seed}, digest {result.digest}, {len(result.violations)} violations")
    return 1 if result.violations else 0


def _run_one(template: Path, home: Path, seed: int) -> Result:
    directory = home / multiprocessing.current_process().name
    return run(seed, template, directory)


def _place() -> Path | None:
    return _MEMORY if _MEMORY.is_dir() else None
