"""Table of checks, by name."""

from collections.abc import Callable, Iterator

from verification.checks import audit, codes, lane, record, sending, tenancy
from verification.results import RunResult, Violation, all_of
from verification.simulation.checks import execution, joining, record_closing, rules, sent, two_persons
from verification.simulation.run_result import SimulationResult

Check = Callable[[SimulationResult], Iterator[str]]


def _shared(check: Callable[[RunResult], Iterator[str]]) -> Check:
    return lambda left: check(left.common)


CHECKS: dict[str, Check] = {
    "1 durable before answered": _shared(record.durable),
    "2 at most once per id": _shared(sending.at_most_once),
    "3 lane exclusion and order": _shared(lane.exclusion),
    "4 sent in time": sent.in_time,
    "4 sent within its budget": sent.by_budget,
    "5 final within its bound": _shared(record.final),
    "6 Unknown never sent again": _shared(sending.unknown_never_again),
    "7 one code, one dispatch": _shared(codes.one_dispatch),
    "8 every transition audited": _shared(audit.audited),
    "9 not sent against the evidence": sent.by_evidence,
    "10 tenants are isolated": all_of(_shared(tenancy.isolation), sent.accounts),
    "joining": joining.joining,
    "superseding": joining.superseding,
    "one record per key": _shared(codes.one_record_per_key),
    "success stays": _shared(record.success_stays),
    "certain ends are certain": _shared(record.certain_ends),
    "temporary refusals are tried on": _shared(record.tried_on),
    "success is of that very command": execution.own,
    "what the OEM says is heard": execution.oem_response_applied,
    "answers agree with the record": _shared(record.answers),
    "immobilisation on record": _shared(record.on_record),
    "immobilisation closed by the contract": record_closing.closings,
    "rules hold": rules.hold,
    "limits hold": rules.limits,
    "an approval is used once": rules.approvals,
    "nobody immobilises alone": two_persons.second_person,
    "what takes two takes two": two_persons.guarded,
    "the car that was meant": two_persons.meant,
    "restoring is held ten minutes": two_persons.restoring_held,
    "what one may do is not held up": two_persons.never_held_up,
}
"""The numbers are the contract's."""


def violations(left: SimulationResult) -> list[Violation]:
    """All of them, those that showed on the way first."""
    on_the_way = [Violation(check, what) for check, what in left.violated]
    return on_the_way + [Violation(name, what) for name, check in CHECKS.items() for what in check(left)]
