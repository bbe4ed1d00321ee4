"""The order of a vehicle's commands, in the audit log and at its cloud."""

from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise

from keyturn.commands.catalogue import COMMANDS

from ..aftermath import WITH_OEM, Aftermath, Moment, Row, Sending


def exclusion(left: Aftermath) -> Iterator[str]:
    """3. One at a time, a cancel beside what it cancels aside, and in the order of the lane numbers."""
    for moment in left.moments:
        if moment.kind == "Dispatching" and not COMMANDS[moment.command["name"]].is_read:
            yield from _when_sent(left, moment)
    of_vehicle: dict[str, list[Sending]] = defaultdict(list)
    for sending in left.sendings:
        if not sending.read and sending.operation.client_ref in left.commands:
            of_vehicle[sending.operation.vin].append(sending)
    left_oem_at = dict(_left_oem(left))
    for sendings in of_vehicle.values():
        yield from _at_the_cloud(left, sendings, left_oem_at)


def _when_sent(left: Aftermath, moment: Moment) -> Iterator[str]:
    rows = [(left.commands[other], state) for other, state in moment.others.items()]
    rows = [(row, state) for row, state in rows if not COMMANDS[row["name"]].is_read]
    overtakes = any(_cancels(moment.command["name"], row["name"]) and state != "Queued" for row, state in rows)
    for row, state in rows:
        if state in WITH_OEM and not (state == "Accepted" and _cancels(moment.command["name"], row["name"])):
            yield f"{_named(moment.command)} was sent while {_named(row)} was {state}"
        if state == "Queued" and row["lane_number"] < moment.command["lane_number"] and not overtakes:
            yield f"{_named(moment.command)} was sent before {_named(row)}"


def _at_the_cloud(left: Aftermath, sendings: list[Sending], left_oem_at: dict[str, int]) -> Iterator[str]:
    """What a cloud took is in the order of the lane, and nothing was with it that we still waited for."""
    for earlier, later in pairwise(sendings):
        first, second = (left.commands[each.operation.client_ref] for each in (earlier, later))
        if second["lane_number"] < first["lane_number"] and not COMMANDS[first["name"]].overtakes:
            yield f"{_named(second)} was taken after {_named(first)}"
        waited_until = left_oem_at.get(first["id"])
        still_waited = waited_until is None or waited_until > later.operation.accepted_at
        if still_waited and not _cancels(second["name"], first["name"]) and not COMMANDS[first["name"]].overtakes:
            yield f"{_named(second)} was taken while {_named(first)} was waited for"


def _left_oem(left: Aftermath) -> Iterator[tuple[str, int]]:
    """When each command's sending came to an answer, or was given up."""
    for moment in left.moments:
        if moment.moved and moment.before in WITH_OEM and moment.after not in WITH_OEM:
            yield moment.command["id"], moment.at


def _cancels(name: str, other: str) -> bool:
    return COMMANDS[name].overtakes and COMMANDS[name].opposite == other


def _named(row: Row) -> str:
    return f"{row['name']} {row['id']}"
