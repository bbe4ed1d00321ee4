"""Verdicts on a command's preconditions, and what they refuse. Pure: values, rules and an instant in, findings out.

How long a vehicle has been off, in words: what is missing before an immobilisation that nobody else guards. Pure.
"""

from collections.abc import Iterable
from enum import StrEnum

import msgspec

from keyturn.clock import seconds_between
from keyturn.commands.model import unanswered
from keyturn.commands.model.catalogue import DISABLE, ENABLE
from keyturn.commands.preconditions.context import (
    EvaluationContext,
    ObservedValue,
    observed_values,
    seen_recently,
    usable_signals,
    values_of,
    why_unusable,
)
from keyturn.commands.preconditions.table import PRECONDITIONS, REACHABLE, Signals, Truth, every
from keyturn.config.settings import EvidenceSettings

_OWN_RECORD = {4: "disable_ignition", 12: "start", 2: "alert"}
"""Preconditions that our own record can answer, and the command that makes them true."""
_AT_REST = ("transmission_gear", "accelerometer_at_rest")


class CheckResult(StrEnum):
    MET = "met"
    CONTRADICTED = "contradicted"
    UNKNOWN = "unknown"


_RESULT_OF: dict[Truth, CheckResult] = {
    True: CheckResult.MET,
    False: CheckResult.CONTRADICTED,
    None: CheckResult.UNKNOWN,
}
_TRUTH = {verdict: truth for truth, verdict in _RESULT_OF.items()}


class PreconditionResult(msgspec.Struct, frozen=True, omit_defaults=True):
    number: int
    verdict: CheckResult
    signals: dict[str, ObservedValue] = {}
    why: str = ""
    settled: bool = False
    """Unknown by rule: reading the vehicle again cannot change it."""


def evaluate(
    case: EvaluationContext, rules: EvidenceSettings, *, fresh: bool = False
) -> tuple[PreconditionResult, ...]:
    """The verdict on each precondition of the command, in ascending number.

    `fresh`: the far side enforces nothing and this is the moment before an immobilisation, so that the vehicle must be
    seen standing, off for a while, and in Park, by a reading of the last seconds.
    """
    view = usable_signals(case, rules)
    findings = [_result(number, case, rules, view) for number in case.spec.preconditions]
    if fresh and case.spec.name == DISABLE and not case.capabilities.enforces_preconditions:
        findings = [_at_rest(finding, case, rules, view) if finding.number == 3 else finding for finding in findings]
    return tuple(sorted((_explained(finding, case) for finding in findings), key=lambda finding: finding.number))


def refusals(case: EvaluationContext, findings: Iterable[PreconditionResult], *, acceptance: bool) -> tuple[int, ...]:
    """Numbers of the preconditions that refuse the command; at acceptance only contradicted ones do."""
    return tuple(finding.number for finding in findings if _refuses(case, finding, acceptance))


def wants_reading(case: EvaluationContext, findings: Iterable[PreconditionResult]) -> bool:
    """Whether the vehicle should be read before the intent."""
    if not case.capabilities.reads_state:
        return False
    if case.spec.name == DISABLE and not case.capabilities.enforces_preconditions:
        return True
    return any(finding.verdict is CheckResult.UNKNOWN and not finding.settled for finding in findings)


def _refuses(case: EvaluationContext, finding: PreconditionResult, acceptance: bool) -> bool:
    if case.spec.name == ENABLE and finding.number == REACHABLE:
        return False
    if finding.verdict is CheckResult.CONTRADICTED:
        return True
    if finding.verdict is CheckResult.MET or acceptance or case.spec.is_restoring:
        return False
    if case.capabilities.enforces_preconditions:
        return case.spec.name == DISABLE and finding.number == REACHABLE
    return case.spec.refused_when_unknown


def _result(number: int, case: EvaluationContext, rules: EvidenceSettings, view: Signals) -> PreconditionResult:
    if _OWN_RECORD.get(number) in case.pending or (case.superseded_opposite and number in _OWN_RECORD):
        return PreconditionResult(
            number, CheckResult.UNKNOWN, observed_values(number, case, rules), "a command of ours may change it", True
        )
    truth = PRECONDITIONS[number].holds(view)
    if truth is False and case.spec.is_restoring:
        truth = _contradicted_since(number, case, rules)
    if truth is None and _own_record(number, case):
        return PreconditionResult(number, CheckResult.MET, observed_values(number, case, rules), "our own record")
    return PreconditionResult(number, _RESULT_OF[truth], observed_values(number, case, rules))


def _contradicted_since(number: int, case: EvaluationContext, rules: EvidenceSettings) -> Truth:
    """A restoring command is refused only by a report newer than our last actuating command to the vehicle."""
    since = case.evidence.track.actuated_at
    truth = PRECONDITIONS[number].holds(usable_signals(case, rules, newer_than=since))
    return False if truth is False else None


def _explained(finding: PreconditionResult, case: EvaluationContext) -> PreconditionResult:
    """What is unknown may be so because the newest state read brought nothing."""
    unread = case.evidence.report.unread
    if unread is None or finding.verdict is not CheckResult.UNKNOWN or finding.settled:
        return finding
    reasons = [finding.why] if finding.why else []
    return msgspec.structs.replace(finding, why="; ".join([*reasons, unanswered.why(unread)]))


def _own_record(number: int, case: EvaluationContext) -> bool:
    track = case.evidence.track
    known = {
        2: track.alert_active_until > case.now,
        4: track.ignition_disabled,
        12: track.remote_start_active,
    }
    return known.get(number, False)


def _at_rest(
    off: PreconditionResult, case: EvaluationContext, rules: EvidenceSettings, view: Signals
) -> PreconditionResult:
    """Precondition 3 before an immobilisation that nobody else guards: seen now, off for a while, and in Park."""
    off_for_long = any(_off_for_long(case, name, rules) for name in OFF_SIGNALS)
    standing = seen_recently(case, "speed", rules)
    truth = every(_TRUTH[off.verdict], off_for_long or None, standing, _in_park(case, rules, view))
    why = f"seen within {rules.fresh_age:g} s, off for {rules.off_for:g} s, in Park or the accelerometer at rest"
    short = "" if off_for_long or truth is False else too_short(case, rules)
    why = f"{short}; needed are: {why}" if short else why
    return PreconditionResult(
        3, _RESULT_OF[truth], {**off.signals, **values_of(_AT_REST, case, rules)}, why, settled=bool(short)
    )


def _off_for_long(case: EvaluationContext, name: str, rules: EvidenceSettings) -> bool:
    """Of two signals that say off, the one that has said so for long enough counts; the other may not contradict."""
    signal = case.evidence.report.signals.get(name)
    if signal is None or signal.value not in OFF_WORDS or not seen_recently(case, name, rules):
        return False
    return seconds_between(signal.observed_at, case.now) >= rules.off_for


def _in_park(case: EvaluationContext, rules: EvidenceSettings, view: Signals) -> Truth:
    in_park = PRECONDITIONS[9].holds(view)
    if in_park is not None and seen_recently(case, "transmission_gear", rules):
        return in_park
    at_rest = view.flag("accelerometer_at_rest") and seen_recently(case, "accelerometer_at_rest", rules)
    return at_rest or None


OFF_SIGNALS = ("system_power_mode", "ignition_status")
OFF_WORDS = ("off", "ignition off")
NO_TIME_OF_CHANGE = (
    "the source gives one time for the change and for the report: map the time of change as observed_at,"
    " or leave observed_at out, and it counts from when it was first seen off"
)
"""For whoever wrote the connector's definition."""


def too_short(case: EvaluationContext, rules: EvidenceSettings) -> str:
    """Since when the vehicle is off, where that is not long enough and a new reading cannot change it; else empty."""
    signals = case.evidence.report.signals
    usable = [
        signal
        for name in OFF_SIGNALS
        if (signal := signals.get(name)) and signal.value in OFF_WORDS and not why_unusable(name, signal, case, rules)
    ]
    if not usable:
        return ""
    first = min(usable, key=lambda signal: signal.observed_at)
    since = seconds_between(first.observed_at, case.now)
    if since >= rules.off_for:
        return ""
    return off_since(since, rules.off_for, told_of_change=first.observed_at != first.as_of)


def off_since(seconds: float, needed: float, *, told_of_change: bool) -> str:
    """`told_of_change`: the source gives the time of change apart from that of its report."""
    said = f"off for {max(0.0, seconds):.1f} s, {needed:g} s needed"
    return said if told_of_change else f"{said}; {NO_TIME_OF_CHANGE}"


def encode_results(findings: tuple[PreconditionResult, ...]) -> str:
    return msgspec.json.encode(findings).decode()
