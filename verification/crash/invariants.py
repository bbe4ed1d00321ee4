"""Every check by its name, and what they find."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from verification.crash.checks import codes, immobilisation, lane, record, sending, tenancy
from verification.crash.run_result import RunResult

Check = Callable[[RunResult], Iterator[str]]


class Violation(NamedTuple):
    check: str
    what: str


CHECKS: dict[str, Check] = {
    "1 durable before answered": record.durable,
    "2 at most once per id": sending.at_most_once,
    "3 lane exclusion and order": lane.exclusion,
    "4 sent in time": sending.in_time,
    "5 final within its bound": record.final,
    "6 Unknown never sent again": sending.unknown_never_again,
    "7 one code, one dispatch": codes.one_dispatch,
    "8 every transition audited": record.audited,
    "10 tenants are isolated": tenancy.isolation,
    "one record per key": codes.one_record_per_key,
    "success stays": record.success_stays,
    "certain ends are certain": record.certain_ends,
    "temporary refusals are tried on": record.tried_on,
    "answers agree with the record": record.answers,
    "immobilisation on record": immobilisation.on_record,
    "what was not killed lives": record.processes,
}
"""The numbers are the contract's, the names the simulation's."""


def violations(left: RunResult) -> list[Violation]:
    return [Violation(name, what) for name, check in CHECKS.items() for what in check(left)]
