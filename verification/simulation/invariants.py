"""Every check by its name, and what they find."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from verification.simulation.checks import (
    codes,
    execution,
    immobilisation,
    lane,
    record,
    record_closing,
    rules,
    sending,
    tenancy,
    two_persons,
)
from verification.simulation.run_result import RunResult

Check = Callable[[RunResult], Iterator[str]]


class Violation(NamedTuple):
    check: str
    what: str


CHECKS: dict[str, Check] = {
    "1 durable before answered": record.durable,
    "2 at most once per id": sending.at_most_once,
    "3 lane exclusion and order": lane.exclusion,
    "4 sent in time": sending.in_time,
    "4 sent within its budget": sending.by_budget,
    "5 final within its bound": record.final,
    "6 Unknown never sent again": sending.unknown_never_again,
    "7 one code, one dispatch": codes.one_dispatch,
    "8 every transition audited": record.audited,
    "9 not sent against the evidence": sending.by_evidence,
    "10 tenants are isolated": tenancy.isolation,
    "joining": lane.joining,
    "superseding": lane.superseding,
    "one record per key": codes.one_record_per_key,
    "success stays": record.success_stays,
    "certain ends are certain": record.certain_ends,
    "temporary refusals are tried on": record.tried_on,
    "success is of that very command": execution.own,
    "what the OEM says is heard": record.heard,
    "answers agree with the record": record.answers,
    "immobilisation on record": immobilisation.on_record,
    "immobilisation closed by the contract": record_closing.closings,
    "rules hold": rules.hold,
    "limits hold": rules.limits,
    "an approval is used once": rules.approvals,
    "nobody immobilises alone": two_persons.nobody_alone,
    "what takes two takes two": two_persons.guarded,
    "the car that was meant": two_persons.meant,
    "restoring is held ten minutes": two_persons.restoring_held,
    "what one may do is not held up": two_persons.never_held_up,
}
"""The numbers are the contract's."""


def violations(left: RunResult) -> list[Violation]:
    """All of them, those that showed on the way first."""
    on_the_way = [Violation(check, what) for check, what in left.complaints]
    return on_the_way + [Violation(name, what) for name, check in CHECKS.items() for what in check(left)]
