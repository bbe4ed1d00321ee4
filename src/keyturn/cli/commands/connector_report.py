"""Report of ``keyturn connector check``: what a connector concludes from a response, as JSON and text."""

import json
from collections.abc import Iterator
from typing import Any

import msgspec

from keyturn.cli.output import format_value
from keyturn.clock import SystemClock, iso_time_or_none, seconds_between
from keyturn.commands.model.catalogue import COMMANDS, DISABLE
from keyturn.commands.preconditions.evaluation import OFF_SIGNALS, OFF_WORDS, off_since
from keyturn.commands.preconditions.table import PRECONDITIONS, REACHABLE, START_COUNT, precondition_not_met
from keyturn.config.settings import EvidenceSettings
from keyturn.connectors.oem_http.definition.definition import Definition
from keyturn.connectors.oem_http.definition.derived import connector_capabilities, credential_use
from keyturn.connectors.oem_http.definition_check import SampleQuestion, SampleResult
from keyturn.connectors.responses import OemResponse, OutcomeKind, SignalReading, StateReport

ReportTree = dict[str, Any]
"""JSON-ready."""

_MEANS = {
    OutcomeKind.IN_PROGRESS: "In progress: the OEM has it, and the operation is asked about.",
    OutcomeKind.SUCCEEDED: "Succeeded: the vehicle did it.",
    OutcomeKind.FAILED: "Failed: not done, for certain.",
    OutcomeKind.REFUSED: "Refused: not done because of a precondition.",
    OutcomeKind.NOT_TAKEN: "Not taken: nothing was done and nothing will be; it is not tried again.",
    OutcomeKind.NO_OPERATION: "It may have happened: a 2xx without a usable operation and without an outcome.",
    OutcomeKind.UNCLEAR: "It may have happened: no entry of [[answers]] or [errors] matches this answer.",
    OutcomeKind.NOTHING_FOUND: "Nothing: it holds nothing about the command; the OEM is asked again.",
}
_TEMPORARY = "Refused for now: nothing was done; it is tried again while there is time to send it."
_AT_REST = ("transmission_gear", "accelerometer_at_rest")
_LONGEST = 60
"""Characters of a value that an expression finds."""


def definition_summary(definition: Definition) -> ReportTree:
    """The definition alone: what it offers, the credentials that it needs, and what it lacks."""
    capabilities, use = connector_capabilities(definition), credential_use(definition)
    return {
        "mode": definition.mode,
        "base_url": str(definition.base_url) if definition.base_url else None,
        "offers": sorted(capabilities.offers),
        "enforces_preconditions": capabilities.enforces_preconditions,
        "reads_state": capabilities.reads_state,
        "credentials": sorted(use.required),
        "optional_credentials": sorted(use.optional),
        "notes": list(_notes(definition)),
    }


def response_report(question: SampleQuestion, outcome: SampleResult) -> ReportTree:
    """What the connector concludes from any response but a state."""
    answer = outcome.answer or OemResponse(OutcomeKind.NOTHING_FOUND)
    if question.kind == "token":
        fault = "" if outcome.token_used or answer.exchange is None else answer.exchange.answer
        return {"token": outcome.token_used, "means": "A token was found and used." if outcome.token_used else fault}
    means = _TEMPORARY if answer.kind is OutcomeKind.NOT_TAKEN and answer.temporary else _MEANS[answer.kind]
    operation = msgspec.to_builtins(answer.operation) if answer.operation else None
    tree: ReportTree = {"means": means, "verdict": str(answer.kind), "operation": operation, "data": answer.data}
    tree["preconditions"] = precondition_not_met(answer.preconditions) if answer.preconditions else None
    tree |= {"detail": answer.detail, "already_done": answer.already_done, "retry_after": answer.retry_after}
    return tree | {"completed_at": iso_time_or_none(answer.completed_at), "note": _note(answer)}


def state_report(definition: Definition, report: StateReport | None, *, live: bool) -> ReportTree:
    """What the connector reads in a state. The times of a sample are old, so the newest one counts as now."""
    if report is None:
        return {"means": "Nothing: the response holds no state of the vehicle.", "signals": {}}
    now = SystemClock().now() if live else _newest(report)
    return {
        "means": "These signals would be kept.",
        "reachable": report.reachable,
        "last_contact": iso_time_or_none(report.last_contact),
        "signals": {name: _signal(reading) for name, reading in report.readings.items()},
        "notes": list(_off_notes(definition, report, now)),
    }


def report_lines(tree: ReportTree) -> Iterator[str]:
    """Lines for a terminal: exchanges, the value of each expression, and last the meaning."""
    for exchange in tree.get("exchanges", ()):
        answer = f": {exchange['answer']}" if exchange["answer"] else ""
        status = exchange["status"] or "no answer"
        yield f"{exchange['request']}  {status}, {exchange['bytes']} bytes, {exchange['duration_ms']:.0f} ms{answer}"
    for found in tree.get("expressions", ()):
        yield f"{found['key']}  {found['expression']}  ->  {_value(found['value'])}"
    for name, signal in tree.get("signals", {}).items():
        since, as_of = signal["observed_at"] or "first seen", signal["as_of"] or "-"
        why = f"  ({signal['why']})" if signal["why"] else ""
        yield f"{name} = {format_value(signal['value'])}  observed {since}, as of {as_of}{why}"
    apart = ("exchanges", "expressions", "signals", "notes", "means")
    yield from (
        f"{name}: {format_value(value)}"
        for name, value in tree.items()
        if name not in apart and value not in (None, {})
    )
    yield from (f"note: {note}" for note in tree.get("notes", ()))
    if "means" in tree:
        yield tree["means"]


def _value(value: object) -> str:
    if value is None:
        return "nothing"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def _note(answer: OemResponse) -> str | None:
    return getattr(answer.exchange, "note", "") or None


def _signal(reading: SignalReading) -> ReportTree:
    return {
        "value": reading.value,
        "observed_at": iso_time_or_none(reading.observed_at),
        "as_of": iso_time_or_none(reading.as_of),
        "why": getattr(reading, "why", ""),
    }


def _newest(report: StateReport) -> int:
    times = [at for reading in report.readings.values() for at in (reading.as_of, reading.observed_at) if at]
    return max([*times, report.last_contact or 0])


def _off_notes(definition: Definition, report: StateReport, now: int) -> Iterator[str]:
    """Notes where the report can never show that the vehicle has been off for long enough."""
    if DISABLE not in definition.commands or definition.declares.enforces_preconditions:
        return
    needed = EvidenceSettings().off_for
    for name in OFF_SIGNALS:
        reading = report.readings.get(name)
        if reading is None or reading.value not in OFF_WORDS or reading.observed_at is None:
            continue
        since = seconds_between(reading.observed_at, now)
        if since < needed:
            apart = reading.as_of not in (None, reading.observed_at)
            yield f"{DISABLE} would be refused: {name} is {off_since(since, needed, has_change_time=apart)}."


def _notes(definition: Definition) -> Iterator[str]:
    """What the definition lacks for its commands."""
    if DISABLE in definition.commands and not definition.declares.blocks_next_start_only:
        yield f"{DISABLE} is not offered: declares.blocks_next_start_only is not set."
    if definition.base_url is None:
        yield "There is no base_url: the configuration must give it, here --base-url."
    mapped = definition.state.signals.keys() if definition.state else frozenset[str]()
    for name in definition.commands if not definition.declares.enforces_preconditions else ():
        if COMMANDS[name].refused_when_unknown:
            yield from _unmapped(name, frozenset(mapped))


def _unmapped(name: str, mapped: frozenset[str]) -> Iterator[str]:
    numbers = [number for number in COMMANDS[name].preconditions if number not in (REACHABLE, START_COUNT)]
    wanted = [PRECONDITIONS[number].signals for number in numbers] + ([_AT_REST] if name == DISABLE else [])
    for signals in wanted:
        if not mapped & set(signals):
            yield f"{name} will be refused: none of {', '.join(signals)} is mapped in [state.signals]."
