"""What a precondition evaluation looks at: which signal values are trusted, and the snapshot of them that is kept.

The snapshot is stored with each result, so that a decision can be explained years later.
"""

from collections.abc import Iterable, Sequence

import msgspec

from keyturn.clock import SECOND, seconds_between
from keyturn.commands.model.catalogue import DISABLE, CommandSpec, Wanted
from keyturn.commands.model.record import Command, OpenCommand
from keyturn.commands.model.states import LIVE
from keyturn.commands.preconditions.table import PRECONDITIONS, REACHABLE, START_COUNT, Signals, Truth
from keyturn.config.settings import EvidenceSettings
from keyturn.connectors.port import Capabilities
from keyturn.fleet import evidence
from keyturn.fleet.evidence import Evidence, ReportedState, Signal, SignalValue, whole_number
from keyturn.fleet.vehicles import Vehicle
from keyturn.store.port import ReadTx


class Subject(msgspec.Struct, frozen=True):
    """A command of a vehicle, registered or not yet: what the checks, the registration and the intent are about."""

    vehicle: Vehicle
    spec: CommandSpec
    capabilities: Capabilities
    """Of the vehicle's connector."""
    open_commands: Sequence[OpenCommand]
    """The vehicle's; the command itself is among them once it waits for an approval or to be sent."""
    command_id: str = ""
    """Its own among the open commands; empty: it is not there."""
    superseded_opposite: bool = False
    """Its unsent opposite was cancelled for it."""


def subject_of(
    command: Command, vehicle: Vehicle, capabilities: Capabilities, open_commands: Sequence[OpenCommand]
) -> Subject:
    """The subject of a registered command."""
    superseded = command.supersedes is not None
    return Subject(vehicle, command.spec, capabilities, open_commands, command.id, superseded)


class EvaluationContext(msgspec.Struct, frozen=True):
    """The input of an evaluation."""

    spec: CommandSpec
    vehicle: Vehicle
    evidence: Evidence
    capabilities: Capabilities
    pending: frozenset[str]
    """Names of the vehicle's other commands that are unsent, with the OEM, or Unknown: each may yet take effect."""
    now: int
    superseded_opposite: bool = False

    def needs_rest(self) -> bool:
        """Whether Keyturn alone makes sure that the vehicle is at rest: the connector enforces no preconditions."""
        return self.spec.name == DISABLE and not self.capabilities.enforces_preconditions


def load_context(tx: ReadTx, subject: Subject) -> EvaluationContext:
    """The subject as the store has it now."""
    return EvaluationContext(
        spec=subject.spec,
        vehicle=subject.vehicle,
        evidence=evidence.load(tx, subject.vehicle.id),
        capabilities=subject.capabilities,
        pending=pending_names(subject.open_commands, subject.command_id),
        now=tx.now,
        superseded_opposite=subject.superseded_opposite,
    )


def pending_names(rows: Iterable[OpenCommand], own_id: str) -> frozenset[str]:
    """Names of the commands other than `own_id` that an evaluation must take as possibly happening."""
    return frozenset(row.name for row in rows if row.command_id != own_id and row.state in LIVE)


def usable_value(context: EvaluationContext, name: str, rules: EvidenceSettings) -> SignalValue:
    """The signal's value if it is trusted now, else None."""
    return usable_values(context, rules).get(name)


def usable_signals(context: EvaluationContext, rules: EvidenceSettings, newer_than: int = 0) -> Signals:
    return Signals(
        values=usable_values(context, rules, newer_than),
        fuel_reserve=context.vehicle.fuel_reserve,
        has_tank=context.vehicle.powertrain != "electric",
        starts=_starts(context, rules),
        reachable=_reachable(context, rules),
    )


def usable_values(context: EvaluationContext, rules: EvidenceSettings, newer_than: int = 0) -> dict[str, SignalValue]:
    signals = context.evidence.report.signals
    return {
        name: signal.value
        for name, signal in signals.items()
        if not why_unusable(name, signal, context, rules) and (signal.confirmed_at or 0) > newer_than
    }


def why_unusable(name: str, signal: Signal, context: EvaluationContext, rules: EvidenceSettings) -> str:
    """Why the signal's value is not trusted; empty: it is."""
    if signal.value is None:
        return signal.why or "null"
    if signal.as_of is None or signal.confirmed_at is None:
        return "the source does not say when"
    if _from_the_future(signal.as_of, context.now, rules):
        return "from the future"
    if age(signal, context.now) > rules.max_age:
        return "too old"
    if signal.confirmed_at <= context.evidence.expected.changed_at.get(name, 0):
        return "older than our last command that can change it"
    return ""


def seen_recently(context: EvaluationContext, name: str, rules: EvidenceSettings) -> Truth:
    """True: the source vouched for the signal within `fresh_age`. Never False."""
    signal = context.evidence.report.signals.get(name)
    if signal is None or why_unusable(name, signal, context, rules):
        return None
    return True if age(signal, context.now) <= rules.fresh_age else None


def age(signal: Signal, now: int) -> float:
    """Seconds since the source vouched for it; since we received it where that is earlier."""
    return seconds_between(signal.confirmed_at or 0, now)


def reported_disabled(known: Evidence) -> bool:
    """The newest report, however old, has the vehicle immobilised, and no enable of ours executed after it."""
    signal = known.report.signals.get("ignition_disabled")
    if signal is None or signal.value is not True:
        return False
    return known.expected.enabled_at <= (signal.confirmed_at or signal.received_at)


def reported_as(known: Evidence, wanted: Wanted, *, newer_than: int) -> Signal | None:
    """The signal, if its value is the wanted one and the source vouched for it after `newer_than`."""
    signal = reported_since(known, wanted, newer_than=newer_than)
    return signal if signal is not None and signal.value == wanted.value else None


def reported_since(known: Evidence, wanted: Wanted, *, newer_than: int) -> Signal | None:
    """The signal, whatever its value, if it is known and the source vouched for it after `newer_than`."""
    signal = known.report.signals.get(wanted.signal)
    if signal is None or signal.value is None or (signal.confirmed_at or 0) <= newer_than:
        return None
    return signal


def _starts(context: EvaluationContext, rules: EvidenceSettings) -> int | None:
    """The report's count when it is newer than our last executed start, else our own."""
    track = context.evidence.expected
    signal = context.evidence.report.signals.get("consecutive_remote_starts")
    if signal is not None and signal.as_of is not None and (signal.confirmed_at or 0) > track.started_at:
        fresh = age(signal, context.now) <= rules.max_age and not _from_the_future(signal.as_of, context.now, rules)
        return whole_number(signal.value) if fresh else None
    return track.consecutive_starts if track.started_at else None


def _reachable(context: EvaluationContext, rules: EvidenceSettings) -> Truth:
    """The connector's report while it is young, else a recent contact."""
    report = context.evidence.report
    is_young = seconds_between(report.reachable_at, context.now) <= rules.contact_max_age
    if report.reachable is not None and is_young:
        return report.reachable
    return True if _in_contact(report, context.now, rules) else None


def _in_contact(report: ReportedState, now: int, rules: EvidenceSettings) -> bool:
    contact = report.last_contact
    if contact is None or _from_the_future(contact, now, rules):
        return False
    return seconds_between(contact, now) <= rules.contact_max_age


def _from_the_future(instant: int, now: int, rules: EvidenceSettings) -> bool:
    return seconds_between(now, instant) > rules.future_tolerance


class ObservedValue(msgspec.Struct, frozen=True, omit_defaults=True):
    """A value as it was when its precondition was evaluated; kept as JSON. Ages in seconds."""

    value: SignalValue
    age: float | None = None
    """Since the source last vouched for it."""
    standing: float | None = None
    """Since the vehicle has had this value."""
    source: str = ""
    why: str = ""
    """Why it was not usable, when it was not; or why `standing` does not go back further."""


def observed_values(number: int, context: EvaluationContext, rules: EvidenceSettings) -> dict[str, ObservedValue]:
    """The values behind a precondition's result, by signal name."""
    values = values_of(PRECONDITIONS[number].signals, context, rules)
    if number == REACHABLE:
        return {**values, **_contact_values(context.evidence.report, context.now)}
    if number == START_COUNT and context.evidence.expected.started_at:
        return {**values, "our_own_count": _own_count(context)}
    return values


def values_of(names: Iterable[str], context: EvaluationContext, rules: EvidenceSettings) -> dict[str, ObservedValue]:
    signals = context.evidence.report.signals
    return {name: _observed(name, signals[name], context, rules) for name in names if name in signals}


def _own_count(context: EvaluationContext) -> ObservedValue:
    track = context.evidence.expected
    age = round(seconds_between(track.started_at, context.now), 3)
    return ObservedValue(track.consecutive_starts, age=age, source="our own record")


def _observed(name: str, signal: Signal, context: EvaluationContext, rules: EvidenceSettings) -> ObservedValue:
    return ObservedValue(
        signal.value,
        age=None if signal.as_of is None else round(age(signal, context.now), 3),
        standing=round(seconds_between(signal.observed_at, context.now), 3),
        source=signal.source,
        why=why_unusable(name, signal, context, rules) or signal.why,
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
