"""An immobilisation record is closed for the reasons of the contract only."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from verification.results import WITH_OEM, Moment, Row
from verification.simulation.checks.policy_replay import DISABLE
from verification.simulation.run_result import SimulationResult

_DONE = ("Executed", "Verified")
_NOT_DONE = ("Failed", "Refused", "Expired", "Queued")
_ENABLE = "enable_ignition"


@dataclass
class Record:
    """An open record, by its entries; `sent` are its commands and their states."""

    confirmed: bool = False
    sent: dict[str, str] = field(default_factory=dict)


def closings(left: SimulationResult) -> Iterator[str]:
    """(a) the disable was not done, (b) an enable was, (c) a report has it enabled, (d) an operator gave a reason."""
    moments = {moment.seq: moment for moment in left.moments}
    records: dict[str, Record] = {}
    states: dict[str, str] = {}
    for entry in left.entries:
        moment = moments.get(entry["seq"])
        if moment is not None:
            _follow(moment, records.get(entry["vehicle_id"]), states)
            continue
        body, vehicle = left.bodies[entry["seq"]], entry["vehicle_id"]
        match entry["kind"]:
            case "immobilisation.opened":
                opener = body["opened_by"]
                records[vehicle] = Record(sent={opener: states[opener]})
            case "immobilisation.confirmed":
                records[vehicle].confirmed = True
            case "immobilisation.closed":
                for problem in _problems(left, entry, body, records.pop(vehicle)):
                    yield f"the record of {vehicle} was closed by {body['closed_by']}: {problem}"


def _follow(moment: Moment, record: Record | None, states: dict[str, str]) -> None:
    row = moment.command
    states[row["id"]] = moment.after
    ignition = row["name"] in (DISABLE, _ENABLE)
    if record is not None and ignition and (moment.kind in ("Dispatching", *_DONE) or row["id"] in record.sent):
        record.sent[row["id"]] = moment.after


def _problems(left: SimulationResult, entry: Row, body: Mapping[str, object], record: Record) -> Iterator[str]:
    closed_by = str(body["closed_by"])
    by = left.commands.get(closed_by)
    if by is None and closed_by != "report":
        forced = _may_act(left, record, entry["at"])
        if not entry["actor"].startswith("operator:") or not body.get("reason") or body.get("forced") != forced:
            yield f"by {entry['actor']} with {body}"
    elif by is None:
        if _may_act(left, record, entry["at"]):
            yield "a disable may still act"
    elif by["name"] == DISABLE:
        others = {other: state for other, state in record.sent.items() if left.commands[other]["name"] == DISABLE}
        if others.pop(closed_by, None) not in _NOT_DONE or record.confirmed:
            yield "it may have been done"
        if any(state in WITH_OEM or state == "Unknown" for state in others.values()):
            yield "another disable was sent"
    elif record.sent.get(closed_by) not in _DONE:
        yield "it was not executed"
    elif _may_act(left, record, by["sent_at"]):
        yield "a disable may act after it"


def _may_act(left: SimulationResult, record: Record, instant: int) -> bool:
    """A disable is with the OEM, or Unknown with its answer deadline still to come at that instant."""
    return any(
        state in WITH_OEM or (state == "Unknown" and (left.commands[other]["answer_deadline"] or 0) >= instant)
        for other, state in record.sent.items()
        if left.commands[other]["name"] == DISABLE
    )
