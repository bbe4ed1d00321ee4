"""The order of a vehicle's commands: who may be with the OEM beside whom, who joins whom, who supersedes whom."""

from collections.abc import Iterator

from verification.simulation.run_result import WITH_OEM, Moment, Row, RunResult
from verification.simulation.world.oem import READS

OPPOSITES = {
    "start": "cancel_start",
    "alert": "cancel_alert",
    "lock_door": "unlock_door",
    "disable_ignition": "enable_ignition",
}
OPPOSITES |= {there: here for here, there in OPPOSITES.items()}
_OVERTAKES = {"cancel_start": "start", "cancel_alert": "alert"}
_RESTORING = ("cancel_start", "cancel_alert", "enable_ignition")


def exclusion(left: RunResult) -> Iterator[str]:
    """3. One at a time, a cancel beside what it cancels aside; restoring commands first, else by the lane numbers."""
    not_before: dict[str, int] = {}
    for moment in left.moments:
        name = moment.command["name"]
        if "not_before" in moment.told:
            not_before[moment.command["id"]] = moment.told["not_before"]
        if moment.kind != "Dispatching" or name in READS:
            continue
        rows = [(left.commands[other], state) for other, state in moment.others.items()]
        rows = [(row, state) for row, state in rows if row["name"] not in READS]
        target = _OVERTAKES.get(name)
        for row, state in rows:
            if state in WITH_OEM and not (state == "Accepted" and row["name"] == target):
                yield f"{_named(moment.command)} was sent while {_named(row)} was {state}"
        if not any(row["name"] == target and state == "Accepted" for row, state in rows):
            waiting = [row for row, state in rows if state == "Queued"]
            yield from _out_of_order(moment, waiting, not_before)


def _out_of_order(moment: Moment, waiting: list[Row], not_before: dict[str, int]) -> Iterator[str]:
    """What restores goes before what does not, also before its own time has come; of two pairs the one that may go."""
    sent = moment.command
    for row in waiting:
        older = row["lane_number"] < sent["lane_number"]
        if row["name"] == sent["name"] or sent["name"] not in _RESTORING:
            wrong = older or (row["name"] in _RESTORING and sent["name"] not in _RESTORING)
        else:
            first = row["name"] == "enable_ignition" or (older and sent["name"] != "enable_ignition")
            ready = not_before.get(row["id"], 0) <= moment.at and not _behind_its_own(row, waiting)
            wrong = row["name"] in _RESTORING and first and ready
        if wrong:
            yield f"{_named(sent)} was sent before {_named(row)}"


def _behind_its_own(row: Row, waiting: list[Row]) -> bool:
    return any(other["name"] == row["name"] and other["lane_number"] < row["lane_number"] for other in waiting)


def joining(left: RunResult) -> Iterator[str]:
    """A request joins what is in flight, and nothing else; two of a kind are never in flight side by side."""
    for moment in left.moments:
        if moment.kind == "joined" and not _joinable(
            left, moment, moment.command, moment.before or "?", late=_seen_within(left)
        ):
            yield f"{_named(moment.command)} was joined in state {moment.before}"
        if moment.queued and moment.after == "Queued":
            for other, state in moment.others.items():
                row = left.commands[other]
                if row["name"] == moment.command["name"] and _joinable(left, moment, row, state, late=0.0):
                    yield f"{_named(moment.command)} was registered beside {_named(row)}, which is {state}"


def _seen_within(left: RunResult) -> float:
    """Seconds after which a passed deadline has been noticed; for ever where nobody may have been there to look."""
    looked = "disk" not in left.trouble and not left.outages and left.plan.clock_is_true
    return left.plan.settings.engine.sweep_interval + 1.0 if looked else 1e6


def _joinable(left: RunResult, moment: Moment, row: Row, state: str, *, late: float) -> bool:
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
        return row["name"] not in _RESTORING and in_time
    return state in WITH_OEM or state in ("Queued", "AwaitingApproval")


def superseding(left: RunResult) -> Iterator[str]:
    """A restoring command cancels its unsent opposite, and so do the doors each other's."""
    for moment in left.moments:
        name = moment.command["name"]
        doors = name in ("lock_door", "unlock_door") and moment.after == "Queued"
        if moment.queued and (name in _RESTORING or doors):
            for other, state in moment.others.items():
                if left.commands[other]["name"] == OPPOSITES[name] and state in ("Queued", "AwaitingApproval"):
                    yield f"{_named(moment.command)} left {_named(left.commands[other])} {state}"
        if moment.after == "Cancelled" and moment.before == "Queued" and not _superseded(left, moment):
            yield f"{_named(moment.command)} was cancelled by {moment.command['detail']}"


def _superseded(left: RunResult, moment: Moment) -> bool:
    """Nothing but the opposite supersedes."""
    by = next((row for row in left.commands.values() if row["id"] in moment.command["detail"]), None)
    restores = moment.command["name"] in _RESTORING
    return by is not None and by["name"] == OPPOSITES.get(moment.command["name"]) and not restores


def _named(row: Row) -> str:
    return f"{row['name']} {row['id']}"
