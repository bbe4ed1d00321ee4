"""Verdicts on a command's preconditions, and what they refuse. Pure: values, rules and an instant in, findings out."""

from collections.abc import Iterable
from enum import StrEnum

import msgspec

from keyturn.clock import SECOND, after, seconds_between
from keyturn.commands.catalogue import DISABLE, ENABLE, CommandSpec, Wanted
from keyturn.commands.preconditions import PRECONDITIONS, Truth, View, every
from keyturn.commands.states import LIVE, State
from keyturn.config.settings import EvidenceSettings
from keyturn.connectors.port import Declarations
from keyturn.fleet.evidence import Evidence, Report, Signal, SignalValue, whole_number
from keyturn.fleet.vehicles import Vehicle

REACHABLE = 13
START_COUNT = 11
_OWN_RECORD = {4: "disable_ignition", 12: "start", 2: "alert"}
"""Preconditions that our own record can answer, and the command that makes them true."""
_OFF = ("off", "ignition off")
_AT_REST = ("transmission_gear", "accelerometer_at_rest")


class Verdict(StrEnum):
    MET = "met"
    CONTRADICTED = "contradicted"
    UNKNOWN = "unknown"


_VERDICT: dict[Truth, Verdict] = {True: Verdict.MET, False: Verdict.CONTRADICTED, None: Verdict.UNKNOWN}
_TRUTH = {verdict: truth for truth, verdict in _VERDICT.items()}


class Sight(msgspec.Struct, frozen=True, omit_defaults=True):
    """A value as it stood when it was judged. Ages in seconds."""

    value: SignalValue
    age: float | None = None
    """Since the source last vouched for it."""
    standing: float | None = None
    """Since it came into being."""
    source: str = ""
    why: str = ""
    """Why it was not usable, when it was not."""


class Finding(msgspec.Struct, frozen=True, omit_defaults=True):
    number: int
    verdict: Verdict
    signals: dict[str, Sight] = {}
    why: str = ""
    settled: bool = False
    """Unknown by rule: reading the vehicle again cannot change it."""


class Case(msgspec.Struct, frozen=True):
    """Everything a judgement looks at."""

    spec: CommandSpec
    vehicle: Vehicle
    evidence: Evidence
    declares: Declarations
    pending: frozenset[str]
    """Names of the vehicle's other commands that are unsent, with the OEM, or Unknown."""
    now: int
    superseded_opposite: bool = False


def pending_names(rows: Iterable[tuple[str, State, str]], own_id: str) -> frozenset[str]:
    """Names out of (command id, state, name) rows that a judgement must take as possibly happening."""
    return frozenset(name for command_id, state, name in rows if command_id != own_id and state in LIVE)


def judge(case: Case, rules: EvidenceSettings, *, fresh: bool = False) -> tuple[Finding, ...]:
    """The verdict on each precondition of the command, in ascending number.

    `fresh`: the far side enforces nothing and this is the moment before an immobilisation, so that the vehicle must be
    seen standing, off for a while, and in Park, by a reading of the last seconds.
    """
    view = _view(case, rules)
    findings = [_finding(number, case, rules, view) for number in case.spec.preconditions]
    if fresh and case.spec.name == DISABLE and not case.declares.enforces_preconditions:
        findings = [_at_rest(finding, case, rules, view) if finding.number == 3 else finding for finding in findings]
    return tuple(sorted(findings, key=lambda finding: finding.number))


def refusals(case: Case, findings: Iterable[Finding], *, acceptance: bool) -> tuple[int, ...]:
    """Numbers of the preconditions that refuse the command; at acceptance only contradicted ones do."""
    return tuple(finding.number for finding in findings if _refuses(case, finding, acceptance))


def wants_reading(case: Case, findings: Iterable[Finding]) -> bool:
    """Whether the vehicle should be read before the intent."""
    if not case.declares.reads_state:
        return False
    if case.spec.name == DISABLE and not case.declares.enforces_preconditions:
        return True
    return any(finding.verdict is Verdict.UNKNOWN and not finding.settled for finding in findings)


def usable_value(case: Case, name: str, rules: EvidenceSettings) -> SignalValue:
    """The signal's value if it may be relied upon now, else None."""
    return _usable(case, rules).get(name)


def reported_disabled(evidence: Evidence) -> bool:
    """The newest report, whatever its age, says immobilised, and no enable of ours executed after it."""
    signal = evidence.report.signals.get("ignition_disabled")
    if signal is None or signal.value is not True:
        return False
    return evidence.track.enabled_at <= (signal.received_at if signal.as_of is None else signal.as_of)


def _refuses(case: Case, finding: Finding, acceptance: bool) -> bool:
    if case.spec.name == ENABLE and finding.number == REACHABLE:
        return False
    if finding.verdict is Verdict.CONTRADICTED:
        return True
    if finding.verdict is Verdict.MET or acceptance or case.spec.is_restoring:
        return False
    if case.declares.enforces_preconditions:
        return case.spec.name == DISABLE and finding.number == REACHABLE
    return case.spec.refused_when_unknown


def _finding(number: int, case: Case, rules: EvidenceSettings, view: View) -> Finding:
    if _OWN_RECORD.get(number) in case.pending or (case.superseded_opposite and number in _OWN_RECORD):
        return Finding(number, Verdict.UNKNOWN, _sights(number, case, rules), "a command of ours may change it", True)
    truth = PRECONDITIONS[number].holds(view)
    if truth is False and case.spec.is_restoring:
        truth = _contradicted_since(number, case, rules)
    if truth is None and _own_record(number, case):
        return Finding(number, Verdict.MET, _sights(number, case, rules), "our own record")
    return Finding(number, _VERDICT[truth], _sights(number, case, rules))


def _contradicted_since(number: int, case: Case, rules: EvidenceSettings) -> Truth:
    """A restoring command is refused only by a report newer than our last actuating command to the vehicle."""
    since = case.evidence.track.actuated_at
    truth = PRECONDITIONS[number].holds(_view(case, rules, newer_than=since))
    return False if truth is False else None


def _own_record(number: int, case: Case) -> bool:
    track = case.evidence.track
    known = {
        2: track.alert_active_until > case.now,
        4: track.ignition_disabled,
        12: track.remote_start_active,
    }
    return known.get(number, False)


def _view(case: Case, rules: EvidenceSettings, newer_than: int = 0) -> View:
    return View(
        values=_usable(case, rules, newer_than),
        fuel_reserve=case.vehicle.fuel_reserve,
        has_tank=case.vehicle.powertrain != "electric",
        starts=_starts(case, rules),
        reachable=_reachable(case, rules),
    )


def _usable(case: Case, rules: EvidenceSettings, newer_than: int = 0) -> dict[str, SignalValue]:
    signals = case.evidence.report.signals
    return {
        name: signal.value
        for name, signal in signals.items()
        if not _unusable(name, signal, case, rules) and (signal.as_of or 0) > newer_than
    }


def _unusable(name: str, signal: Signal, case: Case, rules: EvidenceSettings) -> str:
    if signal.value is None:
        return "null"
    if signal.as_of is None:
        return "the source does not say when"
    if signal.as_of > after(case.now, rules.future_tolerance):
        return "from the future"
    if _age(signal, case.now) > rules.max_age:
        return "too old"
    if signal.as_of <= case.evidence.track.changed_at.get(name, 0):
        return "older than our last command that can change it"
    return ""


def _age(signal: Signal, now: int) -> float:
    return seconds_between(min(signal.as_of or 0, signal.received_at), now)


def _starts(case: Case, rules: EvidenceSettings) -> int | None:
    """The report's count when it is newer than our last executed start, else our own."""
    track = case.evidence.track
    signal = case.evidence.report.signals.get("consecutive_remote_starts")
    if signal is not None and signal.as_of is not None and signal.as_of > track.started_at:
        fresh = _age(signal, case.now) <= rules.max_age and signal.as_of <= after(case.now, rules.future_tolerance)
        return whole_number(signal.value) if fresh else None
    return track.consecutive_starts if track.started_at else None


def _reachable(case: Case, rules: EvidenceSettings) -> Truth:
    report = case.evidence.report
    said = report.reachable
    if said is not None and seconds_between(report.reachable_at, case.now) > rules.contact_max_age:
        said = None
    if said is not None:
        return said
    return True if _in_contact(report, case.now, rules) else None


def _in_contact(report: Report, now: int, rules: EvidenceSettings) -> bool:
    contact = report.last_contact
    return contact is not None and -rules.future_tolerance <= seconds_between(contact, now) <= rules.contact_max_age


def _at_rest(off: Finding, case: Case, rules: EvidenceSettings, view: View) -> Finding:
    """Precondition 3 before an immobilisation that nobody else guards: seen now, off for a while, and in Park."""
    off_for_long = any(_off_for_long(case, name, rules) for name in ("system_power_mode", "ignition_status"))
    standing = _seen_fresh(case, "speed", rules)
    truth = every(_TRUTH[off.verdict], off_for_long or None, standing, _in_park(case, rules, view))
    why = f"seen within {rules.fresh_age:g} s, off for {rules.off_for:g} s, in Park or the accelerometer at rest"
    return Finding(3, _VERDICT[truth], {**off.signals, **_seen(_AT_REST, case, rules)}, why)


def _off_for_long(case: Case, name: str, rules: EvidenceSettings) -> bool:
    """Of two signals that say off, the one that has said so for long enough counts; the other may not contradict."""
    signal = case.evidence.report.signals.get(name)
    if signal is None or signal.value not in _OFF or not _seen_fresh(case, name, rules):
        return False
    return seconds_between(signal.observed_at, case.now) >= rules.off_for


def _in_park(case: Case, rules: EvidenceSettings, view: View) -> Truth:
    in_park = PRECONDITIONS[9].holds(view)
    if in_park is not None and _seen_fresh(case, "transmission_gear", rules):
        return in_park
    at_rest = view.flag("accelerometer_at_rest") and _seen_fresh(case, "accelerometer_at_rest", rules)
    return at_rest or None


def _seen_fresh(case: Case, name: str, rules: EvidenceSettings) -> Truth:
    signal = case.evidence.report.signals.get(name)
    if signal is None or _unusable(name, signal, case, rules):
        return None
    return True if _age(signal, case.now) <= rules.fresh_age else None


def _sights(number: int, case: Case, rules: EvidenceSettings) -> dict[str, Sight]:
    """The values behind a verdict, so that it can be read back years later."""
    sights = _seen(PRECONDITIONS[number].signals, case, rules)
    if number == REACHABLE:
        return {**sights, **_contact_sights(case.evidence.report, case.now)}
    if number == START_COUNT and case.evidence.track.started_at:
        return {**sights, "our_own_count": _own_count(case)}
    return sights


def _own_count(case: Case) -> Sight:
    track = case.evidence.track
    age = round(seconds_between(track.started_at, case.now), 3)
    return Sight(track.consecutive_starts, age=age, source="our own record")


def _seen(names: Iterable[str], case: Case, rules: EvidenceSettings) -> dict[str, Sight]:
    signals = case.evidence.report.signals
    return {name: _sight(name, signals[name], case, rules) for name in names if name in signals}


def _sight(name: str, signal: Signal, case: Case, rules: EvidenceSettings) -> Sight:
    return Sight(
        signal.value,
        age=None if signal.as_of is None else round(_age(signal, case.now), 3),
        standing=round(seconds_between(signal.observed_at, case.now), 3),
        source=signal.source,
        why=_unusable(name, signal, case, rules),
    )


def _contact_sights(report: Report, now: int) -> dict[str, Sight]:
    contact = report.last_contact
    ages = {"reachable": report.reachable_at or None, "last_contact": contact}
    values = {"reachable": report.reachable, "last_contact": contact}
    return {
        name: Sight(values[name], None if at is None else round((now - at) / SECOND, 3)) for name, at in ages.items()
    }


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
