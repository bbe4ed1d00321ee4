"""How every attack prints what it found: figures, one row for each check, and its violations one by one."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from verification.results import Violation

SHOWN = 5
"""Violations of one check that are printed one by one."""


def print_counts(counts: Mapping[str, float] | Iterable[tuple[str, float]]) -> None:
    """One row for each figure, the number first."""
    for name, count in counts.items() if isinstance(counts, Mapping) else counts:
        print(f"  {count:9} {name}")


def print_findings(found: Sequence[Violation], checks: Iterable[str] = ()) -> int:
    """Each check with the number of its violations and the first of them. The exit code: 0 when there are none."""
    counts = Counter(violation.check for violation in found)
    print(f"{len(found)} violations")
    for check in dict.fromkeys((*checks, *counts)):
        print_counts({check: counts[check]})
        for violation in [each for each in found if each.check == check][:SHOWN]:
            print(f"            {violation.what}")
    return 1 if found else 0


def markdown_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """As the pages in ``docs/`` show it."""
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---" for _ in head], *rows))
