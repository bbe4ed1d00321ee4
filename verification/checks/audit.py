"""The audit entries of every row lead to its state."""

from collections import Counter
from collections.abc import Iterator

from verification.results import IGNITION_PAIR, Moment, RunResult

_TRANSITIONS = {
    "Confirming": "AwaitingApproval Queued Refused Expired Cancelled",
    "AwaitingApproval": "Queued Refused Expired Cancelled",
    "Queued": "Dispatching Refused Failed Expired Cancelled",
    "Dispatching": "Queued Accepted Executed Failed Refused Expired Unknown",
    "Accepted": "Executed Failed Refused Unknown",
    "Unknown": "Executed Failed",
    "Executed": "Verified",
}
_INITIAL = ("Confirming", "AwaitingApproval", "Queued", "Refused")
"""States in which a row can be registered."""


def audited(left: RunResult) -> Iterator[str]:
    """8. The entries lead to the row's state, step by allowed step; refused ignition attempts are among them."""
    states: dict[str, str] = {}
    for moment in left.moments:
        yield from _wrong_step(left, moment, states)
        states[moment.command["id"]] = moment.after
    for row in left.rows.values():
        if states.get(row["id"]) != row["state"]:
            yield f"{row['id']} is {row['state']} and its entries end at {states.get(row['id'])}"
    for command_id in {entry["command_id"] for entry in left.entries} - left.rows.keys() - {None}:
        yield f"{command_id} has entries and no row"
    yield from _refusals_missing(left)


def _wrong_step(left: RunResult, moment: Moment, states: dict[str, str]) -> Iterator[str]:
    command_id, kind, before = moment.command["id"], moment.kind, moment.before
    if kind == "registered" and (command_id in states or moment.after not in _INITIAL):
        yield f"{command_id} was registered as {moment.after} after {states.get(command_id)}"
    if not moment.moved:
        return
    if moment.body.get("from") != before:
        yield f"{command_id} was {before} and the entry says {moment.body.get('from')}"
    fenced = left.restored and (before, kind) == ("Queued", "Unknown")
    if not fenced and kind not in _TRANSITIONS.get(before or "", "").split():
        yield f"{command_id} went from {before} to {kind}"


def _refusals_missing(left: RunResult) -> Iterator[str]:
    refused = Counter(
        response.application for response in left.responses
        if response.command in IGNITION_PAIR and response.id is None and response.status not in (None, 401, 503)
    )  # fmt: skip
    for actor, count in refused.items():
        if left.refusals[actor] < count:
            yield f"{actor} was refused {count} times and {left.refusals[actor]} are written down"
