"""A Success is that command's own: the vehicle did it by its id, or the OEM reported it. No timely report is lost."""

from collections.abc import Iterator

from keyturn.clock import after
from keyturn.commands.model.catalogue import COMMANDS
from verification.results import READS, Row, named
from verification.simulation.run_result import SimulationResult
from verification.simulation.world.vehicle_model import Change

_KNOWN_FOR = 120.0
"""Seconds before the sending from which a value still counts as known before it (`evidence.max_age`)."""


def own(left: SimulationResult) -> Iterator[str]:
    """A changed reading may be a change by hand, which looks the same; a change by another command must not count."""
    for row in left.commands.values():
        if row["status"] != "Success" or row["name"] in READS or left.acted(row["id"]) or _reported_by_oem(left, row):
            continue
        if not _resolved(left, row):
            yield f"{row['name']} {row['id']} is {row['state']} and the vehicle did nothing"
        elif not _excused(left, row):
            yield f"{row['name']} {row['id']} is {row['state']} by what another command did"


def _reported_by_oem(left: SimulationResult, row: Row) -> bool:
    """The OEM reported it: that it is so already, or a lie."""
    return row["outcome"] == "already_done" or row["id"] in left.cloud.lied


def _resolved(left: SimulationResult, row: Row) -> bool:
    """It was Unknown, and a changed reading may have made it Executed."""
    return any(moment.after == "Unknown" for moment in left.of_command(row["id"]))


def _excused(left: SimulationResult, row: Row) -> bool:
    """The signal was changed by something indistinguishable, since its value before the sending was known."""
    wanted = COMMANDS[row["name"]].verified_by
    if wanted is None:
        return False
    changes = left.cloud.cars[row["external_id"]].made(wanted.signal, wanted.value, _known_from(left, row))
    return any(_untold(left, change) for change in changes)


def _known_from(left: SimulationResult, row: Row) -> int:
    """The true instant. A node that died between the intent and the first byte sent nothing, which is not recorded."""
    sendings = [sending.true for sending in left.cloud.sendings if sending.order.command_id == row["id"]]
    if not sendings and not left.plan.clock_is_true:
        return 0  # the intent's instant is the store's, and that is not the true one
    return after(sendings[-1] if sendings else row["sent_at"], -_KNOWN_FOR)


def _untold(left: SimulationResult, change: Change) -> bool:
    """By hand, by a command about which the OEM lied, or by one that was lost so long ago that it is not followed."""
    if not change.by or change.by in left.cloud.lied:
        return True
    asked_until = after(left.commands[change.by]["answer_deadline"] or 0, left.plan.settings.engine.resolve_for)
    return left.commands[change.by]["state"] == "Unknown" and change.at >= asked_until


def oem_response_applied(left: SimulationResult) -> Iterator[str]:
    """Where nothing goes wrong and there is time, nothing ends unknown."""
    plan = left.plan
    troubled = plan.rates or plan.crashes or plan.events or plan.capabilities["cloud"].quota
    if troubled or plan.settings.commands.answer_wait["start"] < 20.0:
        return
    for row in left.commands.values():
        if row["state"] == "Unknown":
            yield f"{named(row)} is Unknown for no reason"
