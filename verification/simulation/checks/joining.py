"""Coalescing and superseding among the commands of a vehicle."""

from collections.abc import Iterator

from verification.results import OPPOSITES, RESTORING, WITH_OEM, Moment, Row, named
from verification.simulation.run_result import SimulationResult


def joining(left: SimulationResult) -> Iterator[str]:
    """A request joins what is in flight, and nothing else; two of a kind are never in flight side by side."""
    for moment in left.moments:
        if moment.kind == "coalesced" and not _joinable(
            left, moment, moment.command, moment.before or "?", late=_seen_within(left)
        ):
            yield f"{named(moment.command)} was joined in state {moment.before}"
        if moment.queued and moment.after == "Queued":
            for other, state in moment.others.items():
                row = left.commands[other]
                if row["name"] == moment.command["name"] and _joinable(left, moment, row, state, late=0.0):
                    yield f"{named(moment.command)} was registered beside {named(row)}, which is {state}"


def _seen_within(left: SimulationResult) -> float:
    """Seconds after which a passed deadline has been noticed; infinite where a node may have been down."""
    looked = "disk" not in left.trouble and not left.outages and left.plan.clock_is_true
    return left.plan.settings.engine.sweep_interval + 1.0 if looked else 1e6


def _joinable(left: SimulationResult, moment: Moment, row: Row, state: str, *, late: float) -> bool:
    if not _in_flight(moment, row, state, late):
        return False
    place = _place(row, state)
    for other, at in moment.others.items():
        opposite = left.commands[other]
        if opposite["name"] == OPPOSITES.get(row["name"]) and _place(opposite, at) > place:
            superseded_here = at == "Cancelled" and moment.command["id"] in opposite["detail"]
            if (superseded_here and moment.command is not row) or _in_flight(moment, opposite, at, -late):
                return False
    return True


def _place(row: Row, state: str) -> float:
    """What waits for an approval comes after everything that has a number."""
    never_numbered = row["lane_number"] is None and row["approve_by"] is not None
    return float("inf") if state == "AwaitingApproval" or never_numbered else row["lane_number"] or 0


def _in_flight(moment: Moment, row: Row, state: str, late: float) -> bool:
    """`late`: seconds by which the deadline of an Unknown one may be over without anybody having looked."""
    if state == "Unknown":
        in_time = moment.at < (row["answer_deadline"] or 0) + late * 1_000_000
        return row["name"] not in RESTORING and in_time
    return state in WITH_OEM or state in ("Queued", "AwaitingApproval")


def superseding(left: SimulationResult) -> Iterator[str]:
    """A restoring command cancels its unsent opposite, and so do the doors each other's."""
    for moment in left.moments:
        name = moment.command["name"]
        doors = name in ("lock_door", "unlock_door") and moment.after == "Queued"
        if moment.queued and (name in RESTORING or doors):
            for other, state in moment.others.items():
                if left.commands[other]["name"] == OPPOSITES[name] and state in ("Queued", "AwaitingApproval"):
                    yield f"{named(moment.command)} left {named(left.commands[other])} {state}"
        if moment.after == "Cancelled" and moment.before == "Queued" and not _superseded(left, moment):
            yield f"{named(moment.command)} was cancelled by {moment.command['detail']}"


def _superseded(left: SimulationResult, moment: Moment) -> bool:
    """Nothing but the opposite supersedes."""
    by = next((row for row in left.commands.values() if row["id"] in moment.command["detail"]), None)
    restores = moment.command["name"] in RESTORING
    return by is not None and by["name"] == OPPOSITES.get(moment.command["name"]) and not restores
