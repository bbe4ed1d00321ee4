"""Evaluates a command's preconditions, and decides which of the results refuse it.

`assess` reads the store; everything else is pure: signal values, settings and an instant in, results out.
"""

from enum import StrEnum

import msgspec

from keyturn.clock import seconds_between
from keyturn.commands.model import unanswered
from keyturn.commands.model.catalogue import DISABLE, ENABLE
from keyturn.commands.preconditions.context import (
    EvaluationContext,
    ObservedValue,
    Subject,
    load_context,
    observed_values,
    seen_recently,
    usable_signals,
    values_of,
    why_unusable,
)
from keyturn.commands.preconditions.table import PRECONDITIONS, REACHABLE, Signals, Truth, every
from keyturn.config.settings import EvidenceSettings
from keyturn.enumeration import direct_members
from keyturn.store.port import ReadTx

_OWN_RECORD = {4: "disable_ignition", 12: "start", 2: "alert"}
"""Preconditions that the state expected from our own commands can answer, and the command that makes each true."""
_AT_REST = ("transmission_gear", "accelerometer_at_rest")


@direct_members
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
    """One precondition's result with the values behind it; kept with the command as JSON."""

    number: int
    verdict: CheckResult
    signals: dict[str, ObservedValue] = {}
    """By signal name."""
    why: str = ""
    settled: bool = False
    """Unknown by rule: reading the vehicle again cannot change it."""


class Assessment(msgspec.Struct, frozen=True):
    """The results for one command, with the context that they were evaluated in."""

    context: EvaluationContext
    results: tuple[PreconditionResult, ...]

    def refusals(self, *, acceptance: bool) -> tuple[int, ...]:
        """Numbers of the preconditions that refuse the command; at acceptance only contradicted ones do."""
        return tuple(result.number for result in self.results if _refuses(self.context, result, acceptance))

    def wants_reading(self) -> bool:
        """Whether the vehicle should be read before the intent."""
        if not self.context.capabilities.reads_state:
            return False
        if self.context.needs_rest():
            return True
        return any(result.verdict is CheckResult.UNKNOWN and not result.settled for result in self.results)

    def encoded(self) -> str:
        """The results as the record keeps them, in JSON."""
        return msgspec.json.encode(self.results).decode()


def assess(tx: ReadTx, subject: Subject, rules: EvidenceSettings, *, fresh: bool = False) -> Assessment:
    """Evaluate the preconditions of the subject's command by what the store has of its vehicle; `fresh` as below."""
    context = load_context(tx, subject)
    return Assessment(context, evaluate(context, rules, fresh=fresh))


def evaluate(
    context: EvaluationContext, rules: EvidenceSettings, *, fresh: bool = False
) -> tuple[PreconditionResult, ...]:
    """The result of each precondition of the command, in ascending number.

    `fresh`: the command is about to be sent. Where it immobilises and the connector enforces no preconditions, the
    vehicle must have been seen at rest within the last seconds, off for a while, and in Park.
    """
    view = usable_signals(context, rules)
    results = [_result(number, context, rules, view) for number in context.spec.preconditions]
    if fresh and context.needs_rest():
        results = [_at_rest(result, context, rules, view) if result.number == 3 else result for result in results]
    return tuple(sorted((_explained(result, context) for result in results), key=lambda result: result.number))


def _refuses(context: EvaluationContext, result: PreconditionResult, acceptance: bool) -> bool:
    if context.spec.name == ENABLE and result.number == REACHABLE:
        return False
    if result.verdict is CheckResult.CONTRADICTED:
        return True
    if result.verdict is CheckResult.MET or acceptance or context.spec.is_restoring:
        return False
    if context.capabilities.enforces_preconditions:
        return context.spec.name == DISABLE and result.number == REACHABLE
    return context.spec.refused_when_unknown


def _result(number: int, context: EvaluationContext, rules: EvidenceSettings, view: Signals) -> PreconditionResult:
    if _OWN_RECORD.get(number) in context.pending or (context.superseded_opposite and number in _OWN_RECORD):
        return PreconditionResult(
            number,
            CheckResult.UNKNOWN,
            observed_values(number, context, rules),
            "a command of ours may change it",
            True,
        )
    truth = PRECONDITIONS[number].holds(view)
    if truth is False and context.spec.is_restoring:
        truth = _contradicted_since(number, context, rules)
    if truth is None and _own_record(number, context):
        return PreconditionResult(number, CheckResult.MET, observed_values(number, context, rules), "our own record")
    return PreconditionResult(number, _RESULT_OF[truth], observed_values(number, context, rules))


def _contradicted_since(number: int, context: EvaluationContext, rules: EvidenceSettings) -> Truth:
    """A restoring command is refused only by a report newer than our last actuating command to the vehicle."""
    since = context.evidence.expected.actuated_at
    truth = PRECONDITIONS[number].holds(usable_signals(context, rules, newer_than=since))
    return False if truth is False else None


def _explained(result: PreconditionResult, context: EvaluationContext) -> PreconditionResult:
    """An unknown result names the newest state read where that brought nothing: it may be the reason."""
    unread = context.evidence.report.unread
    if unread is None or result.verdict is not CheckResult.UNKNOWN or result.settled:
        return result
    reasons = [result.why] if result.why else []
    return msgspec.structs.replace(result, why="; ".join([*reasons, unanswered.why(unread)]))


def _own_record(number: int, context: EvaluationContext) -> bool:
    track = context.evidence.expected
    known = {
        2: track.alert_active_until > context.now,
        4: track.ignition_disabled,
        12: track.remote_start_active,
    }
    return known.get(number, False)


def _at_rest(
    off: PreconditionResult, context: EvaluationContext, rules: EvidenceSettings, view: Signals
) -> PreconditionResult:
    """Precondition 3 where `needs_rest`: seen just now to be at rest, off for a while, and in Park."""
    off_for_long = any(_off_for_long(context, name, rules) for name in OFF_SIGNALS)
    seen_now = seen_recently(context, "speed", rules)
    truth = every(_TRUTH[off.verdict], off_for_long or None, seen_now, _in_park(context, rules, view))
    why = f"seen within {rules.fresh_age:g} s, off for {rules.off_for:g} s, in Park or the accelerometer at rest"
    short = "" if off_for_long or truth is False else too_short(context, rules)
    why = f"{short}; needed are: {why}" if short else why
    return PreconditionResult(
        3, _RESULT_OF[truth], {**off.signals, **values_of(_AT_REST, context, rules)}, why, settled=bool(short)
    )


def _off_for_long(context: EvaluationContext, name: str, rules: EvidenceSettings) -> bool:
    """Of two signals that report off, one must have done so for long enough; the other may not contradict it."""
    signal = context.evidence.report.signals.get(name)
    if signal is None or signal.value not in OFF_WORDS or not seen_recently(context, name, rules):
        return False
    return seconds_between(signal.observed_at, context.now) >= rules.off_for


def _in_park(context: EvaluationContext, rules: EvidenceSettings, view: Signals) -> Truth:
    in_park = PRECONDITIONS[9].holds(view)
    if in_park is not None and seen_recently(context, "transmission_gear", rules):
        return in_park
    at_rest = view.flag("accelerometer_at_rest") and seen_recently(context, "accelerometer_at_rest", rules)
    return at_rest or None


OFF_SIGNALS = ("system_power_mode", "ignition_status")
OFF_WORDS = ("off", "ignition off")
NO_TIME_OF_CHANGE = (
    "the source gives one time for the change and for the report: map the time of change as observed_at,"
    " or leave observed_at out, and it counts from when it was first seen off"
)
"""For the author of the connector's definition."""


def too_short(context: EvaluationContext, rules: EvidenceSettings) -> str:
    """For how long the vehicle has been off, where that is too short and a new reading cannot change it; else empty."""
    signals = context.evidence.report.signals
    usable = [
        signal
        for name in OFF_SIGNALS
        if (signal := signals.get(name))
        and signal.value in OFF_WORDS
        and not why_unusable(name, signal, context, rules)
    ]
    if not usable:
        return ""
    first = min(usable, key=lambda signal: signal.observed_at)
    since = seconds_between(first.observed_at, context.now)
    if since >= rules.off_for:
        return ""
    return off_since(since, rules.off_for, has_change_time=first.observed_at != first.as_of)


def off_since(seconds: float, needed: float, *, has_change_time: bool) -> str:
    """`has_change_time`: the source gives the time of change apart from that of its report."""
    text = f"off for {max(0.0, seconds):.1f} s, {needed:g} s needed"
    return text if has_change_time else f"{text}; {NO_TIME_OF_CHANGE}"
