"""Scenarios over several processes; each has a directory of its own in memory where there is one."""

import gc
import multiprocessing
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import chain, islice
from pathlib import Path

from verification.simulation.scenario import Result, run
from verification.simulation.world.data_directory import DataDirectory
from verification.simulation.world.installation import make_template
from verification.simulation.world.single_thread import without_locks

_MEMORY = Path("/dev/shm")
_AT_ONCE = 20
_directories: list[DataDirectory] = []
"""This process has one, which goes with it."""


def run_all(seeds: Iterable[int], jobs: int, *, traced: bool = False) -> Iterator[Result]:
    """The results of all seeds, as they come; `traced`: each with everything that happened."""
    with tempfile.TemporaryDirectory(dir=place()) as home:
        template = make_template(Path(home) / "template")
        spawn = multiprocessing.get_context("spawn")
        pool = ProcessPoolExecutor(jobs, spawn, initializer=_begin, initargs=(template, Path(home)))
        try:
            yield from chain.from_iterable(pool.map(partial(_run_here, traced), _portions(seeds)))
        finally:
            pool.shutdown(cancel_futures=True)


def run_some(seeds: Iterable[int], data_dir: DataDirectory, *, traced: bool = False) -> list[Result]:
    """The results of these seeds, one after the other in this process."""
    gc.collect()
    gc.freeze()  # modules and their like are not looked through again after every scenario
    return [run(seed, data_dir, traced=traced) for seed in seeds]


def replay(seed: int) -> int:
    """Run one scenario and print everything that happened. 0: nothing is violated."""
    (result,) = run_all([seed], 1, traced=True)
    for at, text in result.trace:
        print(f"{at:10.4f}  {text}")
    for violation in result.violations:
        print(f"VIOLATED [{violation.check}] {violation.what}")
    print(f"seed {seed}, digest {result.digest}, {len(result.violations)} violations")
    return 1 if result.violations else 0


def _portions(seeds: Iterable[int]) -> Iterator[tuple[int, ...]]:
    remaining = iter(seeds)
    while portion := tuple(islice(remaining, _AT_ONCE)):
        yield portion


def _begin(template: Path, home: Path) -> None:
    without_locks()
    _directories.append(DataDirectory(template, home / multiprocessing.current_process().name))


def _run_here(traced: bool, seeds: tuple[int, ...]) -> list[Result]:
    return run_some(seeds, _directories[0], traced=traced)


def place() -> Path | None:
    """Where files are kept in memory, if there is such a place."""
    return _MEMORY if _MEMORY.is_dir() else None
