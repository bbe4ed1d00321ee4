"""Everything that a judgement looks at, and which of the vehicle's values may be relied upon.

The values behind a verdict, as they stood when it was given, so that it can be read back years later.
"""

from collections.abc import Iterable

import msgspec

from keyturn.clock import SECOND, seconds_between
from keyturn.commands.model.catalogue import CommandSpec, Wanted
from keyturn.commands.model.states import LIVE, State
from keyturn.commands.preconditions.table import PRECONDITIONS, REACHABLE, START_COUNT, Signals, Truth
from keyturn.config.settings import EvidenceSettings
from keyturn.connectors.port import Capabilities
from keyturn.fleet.evidence import Evidence, ReportedState, Signal, SignalValue, whole_number
from keyturn.fleet.vehicles import Vehicle


class EvaluationContext(msgspec.Struct, frozen=True):
    """Everything a judgement looks at."""

    spec: CommandSpec
    vehicle: Vehicle
    evidence: Evidence
    capabilities: Capabilities
    pending: frozenset[str]
    """Names of the vehicle's other commands that are unsent, with the OEM, or Unknown."""
    now: int
    superseded_opposite: bool = False


def pending_names(rows: Iterable[tuple[str, State, str]], own_id: str) -> frozenset[str]:
    """Names out of (command id, state, name) rows that a judgement must take as possibly happening."""
    return frozenset(name for command_id, state, name in rows if command_id != own_id and state in LIVE)


def usable_value(case: EvaluationContext, name: str, rules: EvidenceSettings) -> SignalValue:
    """The signal's value if it may be relied upon now, else None."""
    return usable_values(case, rules).get(name)


def usable_signals(case: EvaluationContext, rules: EvidenceSettings, newer_than: int = 0) -> Signals:
    return Signals(
        values=usable_values(case, rules, newer_than),
        fuel_reserve=case.vehicle.fuel_reserve,
        has_tank=case.vehicle.powertrain != "electric",
        starts=_starts(case, rules),
        reachable=_reachable(case, rules),
    )


def usable_values(case: EvaluationContext, rules: EvidenceSettings, newer_than: int = 0) -> dict[str, SignalValue]:
    signals = case.evidence.report.signals
    return {
        name: signal.value
        for name, signal in signals.items()
        if not why_unusable(name, signal, case, rules) and (signal.as_of or 0) > newer_than
    }


def why_unusable(name: str, signal: Signal, case: EvaluationContext, rules: EvidenceSettings) -> str:
    if signal.value is None:
        return signal.why or "null"
    if signal.as_of is None:
        return "the source does not say when"
    if _from_the_future(signal.as_of, case.now, rules):
        return "from the future"
    if age(signal, case.now) > rules.max_age:
        return "too old"
    if signal.as_of <= case.evidence.track.changed_at.get(name, 0):
        return "older than our last command that can change it"
    return ""


def seen_recently(case: EvaluationContext, name: str, rules: EvidenceSettings) -> Truth:
    signal = case.evidence.report.signals.get(name)
    if signal is None or why_unusable(name, signal, case, rules):
        return None
    return True if age(signal, case.now) <= rules.fresh_age else None


def age(signal: Signal, now: int) -> float:
    return seconds_between(min(signal.as_of or 0, signal.received_at), now)


def reported_disabled(evidence: Evidence) -> bool:
    """The newest report, whatever its age, says immobilised, and no enable of ours executed after it."""
    signal = evidence.report.signals.get("ignition_disabled")
    if signal is None or signal.value is not True:
        return False
    return evidence.track.enabled_at <= (signal.received_at if signal.as_of is None else signal.as_of)


def reported_as(evidence: Evidence, wanted: Wanted, *, newer_than: int) -> Signal | None:
    """The signal, if its value is the wanted one and the source vouched for it after `newer_than`."""
    signal = reported_since(evidence, wanted, newer_than=newer_than)
    return signal if signal is not None and signal.value == wanted.value else None


def reported_since(evidence: Evidence, wanted: Wanted, *, newer_than: int) -> Signal | None:
    """The signal, whatever it says, if it is known and the source vouched for it after `newer_than`."""
    signal = evidence.report.signals.get(wanted.signal)
    if signal is None or signal.value is None or signal.as_of is None or signal.as_of <= newer_than:
        return None
    return signal


def _starts(case: EvaluationContext, rules: EvidenceSettings) -> int | None:
    """The report's count when it is newer than our last executed start, else our own."""
    track = case.evidence.track
    signal = case.evidence.report.signals.get("consecutive_remote_starts")
    if signal is not None and signal.as_of is not None and signal.as_of > track.started_at:
        fresh = age(signal, case.now) <= rules.max_age and not _from_the_future(signal.as_of, case.now, rules)
        return whole_number(signal.value) if fresh else None
    return track.consecutive_starts if track.started_at else None


def _reachable(case: EvaluationContext, rules: EvidenceSettings) -> Truth:
    report = case.evidence.report
    said = report.reachable
    if said is not None and seconds_between(report.reachable_at, case.now) > rules.contact_max_age:
        said = None
    if said is not None:
        return said
    return True if _in_contact(report, case.now, rules) else None


def _in_contact(report: ReportedState, now: int, rules: EvidenceSettings) -> bool:
    contact = report.last_contact
    if contact is None or _from_the_future(contact, now, rules):
        return False
    return seconds_between(contact, now) <= rules.contact_max_age


def _from_the_future(instant: int, now: int, rules: EvidenceSettings) -> bool:
    return seconds_between(now, instant) > rules.future_tolerance


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
    sights = values_of(PRECONDITIONS[number].signals, case, rules)
    if number == REACHABLE:
        return {**sights, **_contact_values(case.evidence.report, case.now)}
    if number == START_COUNT and case.evidence.track.started_at:
        return {**sights, "our_own_count": _own_count(case)}
    return sights


def values_of(names: Iterable[str], case: EvaluationContext, rules: EvidenceSettings) -> dict[str, ObservedValue]:
    signals = case.evidence.report.signals
    return {name: _observed(name, signals[name], case, rules) for name in names if name in signals}


def _own_count(case: EvaluationContext) -> ObservedValue:
    track = case.evidence.track
    age = round(seconds_between(track.started_at, case.now), 3)
    return ObservedValue(track.consecutive_starts, age=age, source="our own record")


def _observed(name: str, signal: Signal, case: EvaluationContext, rules: EvidenceSettings) -> ObservedValue:
    return ObservedValue(
        signal.value,
        age=None if signal.as_of is None else round(age(signal, case.now), 3),
        standing=round(seconds_between(signal.observed_at, case.now), 3),
        source=signal.source,
        why=why_unusable(name, signal, case, rules) or signal.why,
    )


def _contact_values(report: ReportedState, now: int) -> dict[str, ObservedValue]:
    contact = report.last_contact
    ages = {"reachable": report.reachable_at or None, "last_contact": contact}
    values = {"reachable": report.reachable, "last_contact": contact}
    why = {"last_contact": report.last_contact_why}
    return {
        name: ObservedValue(values[name], None if at is None else round((now - at) / SECOND, 3), why=why.get(name, ""))
        for name, at in ages.items()
    }
