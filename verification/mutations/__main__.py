"""``python -m verification.mutations``: deliberate bugs, all or those named, each applied to a copy of the source."""

import sys

from verification.mutations import BUGS
from verification.mutations.trial import ROOT, catch, failing_test
from verification.report import print_findings
from verification.results import Violation


def main(names: list[str]) -> int:
    """0: every bug was caught."""
    chosen = [bug for bug in BUGS if not names or bug.name in names]
    for test in dict.fromkeys(bug.test for bug in chosen if bug.test):
        if failing_test(test, ROOT):
            raise SystemExit(f"{test} fails without any of the bugs: it would prove nothing")
    missed: list[Violation] = []
    for bug in chosen:
        caught = catch(bug)
        if not caught.caught_by:
            missed.append(Violation("a deliberate bug is caught", f"{bug.name}: {caught.where}"))
        verdict = "caught" if caught.caught_by else "MISSED"
        print(f"{verdict:6}  {bug.name:45} {caught.caught_by} {caught.where}", flush=True)
    print(f"{len(chosen) - len(missed)} of {len(chosen)} caught")
    return print_findings(missed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
