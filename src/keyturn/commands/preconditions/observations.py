"""The values behind a verdict, as they stood when it was given, so that it can be read back years later."""

from collections.abc import Iterable

import msgspec

from keyturn.clock import SECOND, seconds_between
from keyturn.commands.preconditions.context import EvaluationContext, age, why_unusable
from keyturn.commands.preconditions.table import PRECONDITIONS, REACHABLE, START_COUNT
from keyturn.config.settings import EvidenceSettings
from keyturn.fleet.evidence import ReportedState, Signal, SignalValue


class ObservedValue(msgspec.Struct, frozen=True, omit_defaults=True):
    """A value as it stood when it was judged. Ages in seconds."""

    value: SignalValue
    age: float | None = None
    """Since the source last vouched for it."""
    standing: float | None = None
    """Since it came into being."""
    source: str = ""
    why: str = ""
    """Why it was not usable, when it was not; or why `standing` does not go back further."""


def observed_values(number: int, case: EvaluationContext, rules: EvidenceSettings) -> dict[str, ObservedValue]:
    """The values behind a verdict, so that it can be read back years later."""
    sights = seen_values(PRECONDITIONS[number].signals, case, rules)
    if number == REACHABLE:
        return {**sights, **_contact_sights(case.evidence.report, case.now)}
    if number == START_COUNT and case.evidence.track.started_at:
        return {**sights, "our_own_count": _own_count(case)}
    return sights


def seen_values(names: Iterable[str], case: EvaluationContext, rules: EvidenceSettings) -> dict[str, ObservedValue]:
    signals = case.evidence.report.signals
    return {name: _sight(name, signals[name], case, rules) for name in names if name in signals}


def _own_count(case: EvaluationContext) -> ObservedValue:
    track = case.evidence.track
    age = round(seconds_between(track.started_at, case.now), 3)
    return ObservedValue(track.consecutive_starts, age=age, source="our own record")


def _sight(name: str, signal: Signal, case: EvaluationContext, rules: EvidenceSettings) -> ObservedValue:
    return ObservedValue(
        signal.value,
        age=None if signal.as_of is None else round(age(signal, case.now), 3),
        standing=round(seconds_between(signal.observed_at, case.now), 3),
        source=signal.source,
        why=why_unusable(name, signal, case, rules) or signal.why,
    )


def _contact_sights(report: ReportedState, now: int) -> dict[str, ObservedValue]:
    contact = report.last_contact
    ages = {"reachable": report.reachable_at or None, "last_contact": contact}
    values = {"reachable": report.reachable, "last_contact": contact}
    why = {"last_contact": report.last_contact_why}
    return {
        name: ObservedValue(values[name], None if at is None else round((now - at) / SECOND, 3), why=why.get(name, ""))
        for name, at in ages.items()
    }
