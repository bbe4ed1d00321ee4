"""``python -m verification.simulation``: many scenarios, or one again."""

import argparse
import contextlib
import sys
import time
from itertools import count, islice

from verification.simulation.insiders.drawing import draw_insider
from verification.simulation.report import Report
from verification.simulation.running import replay, run_all


def main() -> int:
    """0: no invariant was violated."""
    parser = argparse.ArgumentParser(prog="python -m verification.simulation", description=__doc__)
    parser.add_argument("--scenarios", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1, help="the first scenario's; the others follow it")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--stop-after", type=int, default=20, help="violating scenarios")
    parser.add_argument("--stop-at", metavar="CHECK", help="a violation of a check whose name begins so")
    parser.add_argument("--replay", type=int, metavar="SEED", help="run one scenario and print its trace")
    parser.add_argument("--insiders", action="store_true", help="only seeds whose scenario has an insider")
    given = parser.parse_args()
    if given.replay is not None:
        return replay(given.replay)
    seeds = count(given.seed) if not given.insiders else filter(draw_insider, count(given.seed))
    report, began = Report(), time.monotonic()
    with contextlib.suppress(KeyboardInterrupt):  # what has run so far is worth a report too
        for result in run_all(islice(seeds, given.scenarios), given.jobs):
            report.add(result)
            if result.violations:
                report.print_violations(result)
            if report.failed >= given.stop_after or (given.stop_at and report.has_found(given.stop_at)):
                break
    report.print(time.monotonic() - began, given.jobs)
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main())
