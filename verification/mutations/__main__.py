"""``python -m verification.mutations``: deliberate bugs, all or those named, each applied to a copy of the source."""

import argparse
import sys

from verification.mutations import BUGS
from verification.mutations.trial import ROOT, catch, failing_test
from verification.report import print_counts, print_findings
from verification.results import Violation


def main() -> int:
    """0: every bug was caught."""
    given = _arguments()
    if given.list:
        print_counts((f"{bug.name} ({bug.file})", number) for number, bug in enumerate(BUGS, 1))
        return 0
    chosen = [bug for bug in BUGS if not given.names or bug.name in given.names]
    for test in dict.fromkeys(bug.test for bug in chosen if bug.test):
        if failing_test(test, ROOT):
            raise SystemExit(f"{test} fails without any of the bugs: the result would mean nothing")
    missed: list[Violation] = []
    for bug in chosen:
        caught = catch(bug)
        if not caught.caught_by:
            missed.append(Violation("a deliberate bug is caught", f"{bug.name}: {caught.where}"))
        verdict = "caught" if caught.caught_by else "MISSED"
        print(f"{verdict:6}  {bug.name:45} {caught.caught_by} {caught.where}", flush=True)
    print(f"{len(chosen) - len(missed)} of {len(chosen)} caught")
    return print_findings(missed)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m verification.mutations", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="only the bugs of these names")
    parser.add_argument("--list", action="store_true", help="print the names of all bugs")
    given = parser.parse_args()
    if unknown := set(given.names) - {bug.name for bug in BUGS}:
        parser.error(f"no such bug: {', '.join(sorted(unknown))}")
    return given


if __name__ == "__main__":
    sys.exit(main())
