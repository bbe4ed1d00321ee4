"""Prints the figures and violations of a run."""

from collections import Counter
from statistics import median

from keyturn.commands.model.catalogue import IGNITION_PAIR
from verification.checks import record
from verification.crash.invariants import CHECKS
from verification.crash.run_result import OPEN, SWEPT_WITHIN, CrashResult
from verification.crash.running import Run
from verification.report import print_counts, print_findings
from verification.results import Violation


def print_report(run: Run, left: CrashResult, found: list[Violation], seconds: float) -> None:
    """The figures, then the violations by check."""
    _print_kills(run)
    _print_in_flight(run, left)
    _print_load(left)
    print(
        f"{seconds:.0f} s, of which {sum(ended - ready for ready, ended in left.uptimes) / 1e6:.0f} s with a server up"
    )
    longest = max((late + SWEPT_WITHIN for _, late in record.late(left.common)), default=0.0)
    print(f"longest overrun of a deadline while a server was up: {longest:.1f} s")
    print_findings(found, CHECKS)


def _print_kills(run: Run) -> None:
    clouds = [cloud.process for cloud in run.clouds.values()]
    of_clouds = sum(cloud.kills for cloud in clouds)
    print(f"seed {run.scenario.seed}: {run.server.kills + of_clouds} kills, {run.server.starts} starts of the server")
    print_counts({"of the server:": run.server.kills})
    for moment, count in Counter(death.moment for death in run.deaths).most_common():
        print(f"          {count:7} {moment}")
    print_counts({"of a simulated OEM": of_clouds})


def _print_in_flight(run: Run, left: CrashResult) -> None:
    states = left.states_at([death.at for death in run.deaths])
    rows = {state: [counts[state] for counts in states] for state in sorted(OPEN)}
    rows["unanswered requests"] = [death.requests for death in run.deaths]
    print("in flight when a server was killed: median, maximum, kills with any")
    for name, counts in rows.items():
        if any(counts):
            print(f"  {median(counts):7.0f} {max(counts):7} {sum(map(bool, counts)):7}  {name}")


def _print_load(left: CrashResult) -> None:
    post = left.request_log.posts
    redeemed = [each for each in post if each.code is not None and each.id and each.command in IGNITION_PAIR]
    figures = {
        "requests sent": len(post),
        "answers lost": sum(each.status is None for each in post),
        "records": len(left.commands),
        "commands acknowledged": len({each.id for each in post if each.id is not None}),
        "confirmations redeemed": len({each.id for each in redeemed}),
        "commands sent to an OEM": len(left.by_ref),
        "commands executed by vehicles": sum(map(bool, map(left.acted, left.by_ref))),
        "audit entries": len(left.records.entries),
    }
    print_counts(figures)
    states = Counter(row["state"] for row in left.commands.values())
    print("  final states: " + ", ".join(f"{state} {count}" for state, count in states.most_common()))
