"""The order of a vehicle's commands, in the audit log and at its cloud."""

from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise

from keyturn.commands.catalogue import COMMANDS, ENABLE
from verification.crash.run_result import WITH_OEM, Moment, Row, RunResult, Sending


def exclusion(left: RunResult) -> Iterator[str]:
    """3. One at a time, a cancel beside what it cancels aside; restoring commands first, else by the lane numbers."""
    not_before: dict[str, int] = {}
    for moment in left.moments:
        if "not_before" in moment.body:
            not_before[moment.command["id"]] = moment.body["not_before"]
        if moment.kind == "Dispatching" and not COMMANDS[moment.command["name"]].is_read:
            yield from _when_sent(left, moment, not_before)
    of_vehicle: dict[str, list[Sending]] = defaultdict(list)
    for sending in left.sendings:
        if not sending.read and sending.operation.client_ref in left.commands:
            of_vehicle[sending.operation.vin].append(sending)
    left_oem_at = dict(_left_oem(left))
    for sendings in of_vehicle.values():
        yield from _at_the_cloud(left, sendings, left_oem_at)


def _when_sent(left: RunResult, moment: Moment, not_before: dict[str, int]) -> Iterator[str]:
    rows = [(left.commands[other], state) for other, state in moment.others.items()]
    rows = [(row, state) for row, state in rows if not COMMANDS[row["name"]].is_read]
    overtakes = any(_cancels(moment.command["name"], row["name"]) and state == "Accepted" for row, state in rows)
    for row, state in rows:
        if state in WITH_OEM and not (state == "Accepted" and _cancels(moment.command["name"], row["name"])):
            yield f"{_named(moment.command)} was sent while {_named(row)} was {state}"
        queued = (other for other, at in rows if at == "Queued" and other["name"] == row["name"])
        first_of_its_own = all(other["lane_number"] >= row["lane_number"] for other in queued)
        ready = first_of_its_own and not_before.get(row["id"], 0) <= moment.at
        if state == "Queued" and not overtakes and _goes_before(row, moment.command, ready=ready):
            yield f"{_named(moment.command)} was sent before {_named(row)}"


def _goes_before(row: Row, other: Row, *, ready: bool) -> bool:
    """Whether `row` is sent first of two that are Queued. `ready`: it may be sent now."""
    older = bool(row["lane_number"] < other["lane_number"])
    first, second = COMMANDS[row["name"]], COMMANDS[other["name"]]
    if first is second or not (first.is_restoring and second.is_restoring):
        return older if first.is_restoring is second.is_restoring else first.is_restoring
    return ready and (first.name == ENABLE or (older and second.name != ENABLE))


def _at_the_cloud(left: RunResult, sendings: list[Sending], left_oem_at: dict[str, int]) -> Iterator[str]:
    """What a cloud took is in the order of the lane, and nothing was with it that we still waited for.

    A restoring command goes ahead of older ones, those of its own kind aside.
    """
    for earlier, later in pairwise(sendings):
        first, second = (left.commands[each.operation.client_ref] for each in (earlier, later))
        went_ahead = COMMANDS[first["name"]].is_restoring and first["name"] != second["name"]
        if second["lane_number"] < first["lane_number"] and not went_ahead:
            yield f"{_named(second)} was taken after {_named(first)}"
        waited_until = left_oem_at.get(first["id"])
        still_waited = waited_until is None or waited_until > later.operation.accepted_at
        if still_waited and not _cancels(second["name"], first["name"]) and not COMMANDS[first["name"]].overtakes:
            yield f"{_named(second)} was taken while {_named(first)} was waited for"


def _left_oem(left: RunResult) -> Iterator[tuple[str, int]]:
    """When each command's sending came to an answer, or was given up."""
    for moment in left.moments:
        if moment.moved and moment.before in WITH_OEM and moment.after not in WITH_OEM:
            yield moment.command["id"], moment.at


def _cancels(name: str, other: str) -> bool:
    return COMMANDS[name].overtakes and COMMANDS[name].opposite == other


def _named(row: Row) -> str:
    return f"{row['name']} {row['id']}"
