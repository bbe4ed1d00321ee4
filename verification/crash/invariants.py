"""Table of checks, by name."""

from collections.abc import Callable, Iterator

from verification.checks import audit, codes, lane, record, sending, tenancy
from verification.crash import own_checks
from verification.crash.run_result import CrashResult
from verification.results import RunResult, Violation, all_of

Check = Callable[[CrashResult], Iterator[str]]


def _shared(check: Callable[[RunResult], Iterator[str]]) -> Check:
    return lambda left: check(left.common)


CHECKS: dict[str, Check] = {
    "1 durable before answered": _shared(record.durable),
    "2 at most once per id": _shared(sending.at_most_once),
    "3 lane exclusion and order": all_of(_shared(lane.exclusion), own_checks.taken_in_order),
    "4 sent in time": own_checks.in_time,
    "5 final within its bound": _shared(record.final),
    "6 Unknown never sent again": _shared(sending.unknown_never_again),
    "7 one code, one dispatch": _shared(codes.one_dispatch),
    "8 every transition audited": _shared(audit.audited),
    "10 tenants are isolated": all_of(_shared(tenancy.isolation), own_checks.accounts),
    "one record per key": _shared(codes.one_record_per_key),
    "success stays": _shared(record.success_stays),
    "certain ends are certain": _shared(record.certain_ends),
    "temporary refusals are tried on": _shared(record.tried_on),
    "answers agree with the record": _shared(record.answers),
    "immobilisation on record": _shared(record.on_record),
    "what was not killed lives": own_checks.processes,
}
"""The numbers are the contract's, the names the simulation's."""


def violations(left: CrashResult) -> list[Violation]:
    return [Violation(name, what) for name, check in CHECKS.items() for what in check(left)]
