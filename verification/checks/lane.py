"""The order of a vehicle's commands in the audit log."""

from collections.abc import Iterator

from verification.results import OVERTAKES, READS, RESTORING, WITH_OEM, Moment, Row, RunResult, named


def exclusion(left: RunResult) -> Iterator[str]:
    """3. One at a time, a cancel beside what it cancels aside; restoring commands first, else by the lane numbers."""
    not_before: dict[str, int] = {}
    for moment in left.moments:
        name = moment.command["name"]
        if "not_before" in moment.body:
            not_before[moment.command["id"]] = moment.body["not_before"]
        if moment.kind != "Dispatching" or name in READS:
            continue
        rows = [(left.rows[other], state) for other, state in moment.others.items()]
        rows = [(row, state) for row, state in rows if row["name"] not in READS]
        target = OVERTAKES.get(name)
        for row, state in rows:
            if state in WITH_OEM and not (state == "Accepted" and row["name"] == target):
                yield f"{named(moment.command)} was sent while {named(row)} was {state}"
        if not any(row["name"] == target and state == "Accepted" for row, state in rows):
            waiting = [row for row, state in rows if state == "Queued"]
            yield from _out_of_order(moment, waiting, not_before)


def _out_of_order(moment: Moment, waiting: list[Row], not_before: dict[str, int]) -> Iterator[str]:
    """What restores goes before what does not, also before its own time has come; of two pairs the one that may go."""
    sent = moment.command
    for row in waiting:
        older = row["lane_number"] < sent["lane_number"]
        if row["name"] == sent["name"] or sent["name"] not in RESTORING:
            wrong = older or (row["name"] in RESTORING and sent["name"] not in RESTORING)
        else:
            first = row["name"] == "enable_ignition" or (older and sent["name"] != "enable_ignition")
            ready = not_before.get(row["id"], 0) <= moment.at and not _behind_its_own(row, waiting)
            wrong = row["name"] in RESTORING and first and ready
        if wrong:
            yield f"{named(sent)} was sent before {named(row)}"


def _behind_its_own(row: Row, waiting: list[Row]) -> bool:
    return any(other["name"] == row["name"] and other["lane_number"] < row["lane_number"] for other in waiting)
