"""``python -m benchmarks.scenarios [COUNT]``:
rate of simulated scenarios on one core, and the speed of that core at the time.

Under ``valgrind --tool=callgrind`` the difference between two counts gives the instructions of a scenario, which do not
depend on what else the machine does.
"""

import sys
import tempfile
import time
from pathlib import Path

from verification.simulation.running import place, run_some
from verification.simulation.world.data_directory import DataDirectory
from verification.simulation.world.installation import make_template
from verification.simulation.world.single_thread import without_locks

COUNT = 1_000
WARM_UP = 20
ADDITIONS = 5_000_000


def main() -> None:
    """Print the rate, and the time that a loop of additions took before and after."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else COUNT
    without_locks()
    before = _additions()
    with tempfile.TemporaryDirectory(dir=place()) as home:
        template = make_template(Path(home) / "template")
        with DataDirectory(template, Path(home) / "site") as site:
            run_some(range(WARM_UP), site)
            began = time.perf_counter()
            run_some(range(WARM_UP, WARM_UP + count), site)
            seconds = time.perf_counter() - began
    print(f"{count} scenarios in {seconds:.1f} s: {count / seconds:.1f} a second on one core")
    print(f"{ADDITIONS:,} additions in a loop took {before:.2f} s before and {_additions():.2f} s after")


def _additions() -> float:
    began, total = time.perf_counter(), 0
    for number in range(ADDITIONS):
        total += number
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
