"""Checks that only real clouds and processes allow: order and time of what the clouds took, and who died."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import pairwise

from keyturn.clock import SECOND
from keyturn.commands.model.catalogue import COMMANDS
from verification.crash.run_result import CloudSending, CrashResult
from verification.results import WITH_OEM, named

_ON_ITS_WAY = 1.0
"""Seconds that a request may take from its first byte until a busy cloud notes it."""


def taken_in_order(left: CrashResult) -> Iterator[str]:
    """3. What each vehicle's cloud took is in the order of the lane, one at a time."""
    of_vehicle: dict[str, list[CloudSending]] = defaultdict(list)
    for sending in left.sendings:
        if not sending.read and sending.operation.client_ref in left.commands:
            of_vehicle[sending.operation.vin].append(sending)
    left_oem_at = dict(_left_oem(left))
    for sendings in of_vehicle.values():
        yield from _at_the_cloud(left, sendings, left_oem_at)


def _at_the_cloud(left: CrashResult, sendings: list[CloudSending], left_oem_at: dict[str, int]) -> Iterator[str]:
    """What a cloud took is in the order of the lane, and nothing was with it that we still waited for.

    A restoring command goes ahead of older ones, those of its own kind aside.
    """
    for earlier, later in pairwise(sendings):
        first, second = (left.commands[each.operation.client_ref] for each in (earlier, later))
        went_ahead = COMMANDS[first["name"]].is_restoring and first["name"] != second["name"]
        if second["lane_number"] < first["lane_number"] and not went_ahead:
            yield f"{named(second)} was taken after {named(first)}"
        waited_until = left_oem_at.get(first["id"])
        still_waited = waited_until is None or waited_until > later.operation.accepted_at
        if still_waited and not _cancels(second["name"], first["name"]) and not COMMANDS[first["name"]].overtakes:
            yield f"{named(second)} was taken while {named(first)} was waited for"


def _left_oem(left: CrashResult) -> Iterator[tuple[str, int]]:
    """When each command's sending came to an answer, or was given up."""
    for moment in left.moments:
        if moment.moved and moment.before in WITH_OEM and moment.after not in WITH_OEM:
            yield moment.command["id"], moment.at


def _cancels(name: str, other: str) -> bool:
    return COMMANDS[name].overtakes and COMMANDS[name].opposite == other


def in_time(left: CrashResult) -> Iterator[str]:
    """4. Nothing is sent without a durable intent, after its deadline, or after its `send_by`."""
    intended = {moment.command["id"]: moment.at for moment in left.moments if moment.kind == "Dispatching"}
    for sending in left.sendings:
        operation, row = sending.operation, left.commands.get(sending.operation.client_ref)
        if row is None or row["id"] not in intended:
            yield f"{_sent(sending)} was sent without a durable intent"
        elif not sending.read and intended[row["id"]] > operation.accepted_at:
            yield f"{_sent(sending)} was sent before its intent"
        elif not sending.read and operation.accepted_at > _latest(left, sending) + _ON_ITS_WAY * SECOND:
            late = (operation.accepted_at - _latest(left, sending)) / SECOND
            yield f"{_sent(sending)} was sent {late:.1f} s too late"


def _latest(left: CrashResult, sending: CloudSending) -> int:
    row = left.commands[sending.operation.client_ref]
    return int(min(row["send_by"] or row["send_deadline"], row["send_deadline"]))


def accounts(left: CrashResult) -> Iterator[str]:
    """10. Every VIN is active once, registered for its own company, and reached through that company's account."""
    for vin, count in Counter(row["vin"] for row in left.records.vehicles).items():
        if count > 1:
            yield f"{vin} is active {count} times"
    for command in left.commands.values():
        company = left.applications[command["actor"]].company
        if company != left.company_of[command["vin"]]:
            yield f"{command['id']} of {command['vin']} was registered for {company}"
    for sending in left.sendings:
        if sending.company != left.company_of[sending.operation.vin]:
            yield f"{sending.operation.vin} was reached through the account of {sending.company}"


def processes(left: CrashResult) -> Iterator[str]:
    """What was not killed did not die."""
    yield from left.problems


def _sent(sending: CloudSending) -> str:
    return f"{sending.operation.command} {sending.operation.client_ref}"
