"""Adds up the results of many scenarios and prints them."""

from collections import Counter

from verification.report import print_counts
from verification.simulation.scenario import Result


class Report:
    """Adds results up."""

    def __init__(self) -> None:
        self.failed = 0
        self._scenarios = 0
        self._commands = 0
        self._requests = 0
        self._virtual = 0.0
        self._faults: Counter[str] = Counter()
        self._event_counts: Counter[str] = Counter()
        self._ways: Counter[str] = Counter()
        self._violations: Counter[str] = Counter()

    def add(self, result: Result) -> None:
        """Count one scenario."""
        self._scenarios += 1
        self._commands += result.commands
        self._requests += result.requests
        self._virtual += result.seconds
        self._faults += result.faults
        self._event_counts += result.event_counts
        self._ways += result.ways
        self._violations.update({violation.check for violation in result.violations})
        self.failed += bool(result.violations)

    def has_found(self, check: str) -> bool:
        """A check whose name begins so was violated."""
        return any(found.startswith(check) for found in self._violations)

    def print_violations(self, result: Result) -> None:
        """What went wrong in one scenario, and how to see it again."""
        for violation in result.violations:
            print(f"seed {result.seed}: [{violation.check}] {violation.what}")
        print(f"  python -m verification.simulation --replay {result.seed}", flush=True)

    def print(self, seconds: float, jobs: int) -> None:
        """The table."""
        rate = self._scenarios / max(seconds, 0.001)
        print(f"{self._scenarios} scenarios, {self._requests} requests, {self._commands} commands, ", end="")
        print(f"{self._virtual / 3600:.0f} h of virtual time in {seconds:.1f} s: ", end="")
        print(f"{rate:.0f} a second with {jobs} jobs, {rate / jobs:.1f} each")
        for counts in (self._faults, self._event_counts, self._ways):
            print_counts(sorted(counts.items()))
        print(f"{self.failed} scenarios with violations")
        print_counts(self._violations.most_common())
