"""How long a vehicle has been off, in words: what is missing before an immobilisation that nobody else guards. Pure."""

from keyturn.clock import seconds_between
from keyturn.commands.cases import Case, why_unusable
from keyturn.config.settings import EvidenceSettings

OFF_SIGNALS = ("system_power_mode", "ignition_status")
OFF_WORDS = ("off", "ignition off")
NO_TIME_OF_CHANGE = (
    "the source gives one time for the change and for the report: map the time of change as observed_at,"
    " or leave observed_at out, and it counts from when it was first seen off"
)
"""For whoever wrote the connector's definition."""


def too_short(case: Case, rules: EvidenceSettings) -> str:
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
