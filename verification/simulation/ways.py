"""Which way each one-step command took: registered with its intent, or Queued, and then why."""

from collections import Counter
from collections.abc import Iterator

from keyturn.commands.model.states import State
from verification.results import READS, RESTORING, WITH_OEM, Moment
from verification.simulation.run_result import SimulationResult

WITH_INTENT = "registered with its intent"

_FENCES = {State.QUEUED: 1, State.DISPATCHING: 2}
"""Of a command that nothing has changed since it was registered."""


def ways(left: SimulationResult) -> Counter[str]:
    """How many commands took each way; what is refused at once and two-step commands take none."""
    return Counter(_ways(left))


def _ways(left: SimulationResult) -> Iterator[str]:
    sent = {sending.order.command_id for sending in left.cloud.sendings}
    for moment in left.moments:
        if moment.kind != "registered" or moment.after != "Queued":
            continue
        command_id = str(moment.command["id"])
        first = left.first_told.get(command_id)
        if first is None or first.fence > _FENCES.get(first.state, 0):
            yield "registered by a commit that failed after it was done, or with which its node died"
        elif first.state is State.QUEUED:
            yield f"registered Queued: {_why(left, moment)}"
        else:
            yield WITH_INTENT
            if command_id not in sent:
                yield f"{WITH_INTENT}, and no connector came to send it"


def _why(left: SimulationResult, registered: Moment) -> str:
    """As far as the record tells: what came after it in the record, and what the vehicle's lane held."""
    command = registered.command
    if command["name"] in RESTORING:
        return "restoring"
    if command["supersedes"]:
        return "supersedes its opposite"
    if command["name"] not in READS and _lane_held(left, registered):
        return "the lane is held"
    then = next((each for each in left.of_command(command["id"]) if each.seq > registered.seq), None)
    if then is None:
        return "nothing came of it"
    if then.kind == "held_back":
        return f"held back for its {then.body.get('cause')}"
    if then.kind == "Dispatching":
        return "the vehicle is read first, or clock, breaker or node hold it up"
    return f"then {then.kind}"


def _lane_held(left: SimulationResult, registered: Moment) -> bool:
    names = {other: str(left.commands[other]["name"]) for other in registered.others}
    holding = WITH_OEM | {"Queued"}
    return any(state in holding and names[other] not in READS for other, state in registered.others.items())
