"""What may be sent, when, how often, and through which account."""

import json
from collections.abc import Iterator

from keyturn.clock import SECOND, after
from keyturn.connectors.port import OutboundCommand
from verification.results import READS
from verification.simulation.run_result import SimulationResult
from verification.simulation.world.installation import BY_ACCOUNT, BY_VIN, RELAY, Enrolled
from verification.simulation.world.oem import Sending
from verification.simulation.world.vehicle_model import HOLDS, NEEDS

_REFUSED_WHEN_UNKNOWN = ("disable_ignition", "start", "unlock_door")
_LISTED: dict[str, set[int]] = {
    "lock_door": {1},
    "unlock_door": {1},
    "cancel_alert": {2},
    "enable_ignition": {3, 4, 13},
    "disable_ignition": {3, 13},
    "start": {1, 3, 5, 6, 7, 8, 9, 10, 11},
    "cancel_start": {12},
}
_MAX_AGE, _FRESH, _OFF_FOR = 120.0, 15.0, 60.0


def in_time(left: SimulationResult) -> Iterator[str]:
    """4. Nothing is sent without a durable intent, after its deadline, or after its `send_by`.

    Reads simply run again, also when another node still waits for the answer to one.
    """
    for sending in left.cloud.sendings:
        order, row = sending.order, sending.row
        if order.name in READS and left.plan.nodes > 1:
            continue
        if row is None or row["state"] != "Dispatching" or not _dated_alike(left, order, row["send_by"]):
            yield f"{order.name} {order.command_id} was sent without a durable intent"
        elif sending.at > min(order.send_by, row["send_deadline"]) or sending.boottime > order.send_by_boottime:
            yield f"{order.name} {order.command_id} was sent too late"
        elif row["send_by"] > min(row["send_deadline"], after(row["sent_at"], 5.0)):
            yield f"{order.name} {order.command_id} has an intent that says {row['send_by']}"


def _dated_alike(left: SimulationResult, order: OutboundCommand, send_by: int) -> bool:
    """An order is dated by the wall clock, which the store's may be ahead of where the wall clock is not true."""
    return order.send_by == send_by or (order.send_by < send_by and not left.plan.clock_is_true)


def _enrolled(order: OutboundCommand) -> Enrolled:
    """A car of the account; one whose credentials wait for a change is the same account with others."""
    return BY_ACCOUNT[order.target.account.id.partition(" change ")[0]]


def by_evidence(left: SimulationResult) -> Iterator[str]:
    """9. By the verdicts kept at the intent, and by what was true of the vehicle."""
    for sending in left.cloud.sendings:
        name, relay = sending.order.name, _enrolled(sending.order).connector == RELAY
        if sending.row is None or name in READS:
            continue
        verdicts = {finding["number"]: finding["verdict"] for finding in json.loads(sending.row["verdicts"] or "[]")}
        if set(verdicts) != _LISTED.get(name, set()):
            yield f"{name} {sending.order.command_id} was judged by {sorted(verdicts)} only"
        for number, verdict in verdicts.items():
            if _refuses(name, number, verdict, relay=relay):
                yield f"{name} {sending.order.command_id} was sent with {number} {verdict}"
        if relay and name in _REFUSED_WHEN_UNKNOWN:
            yield from _against_the_truth(left, sending)


def _refuses(name: str, number: int, verdict: str, *, relay: bool) -> bool:
    if verdict == "met" or (name == "enable_ignition" and number == 13):
        return False
    if verdict == "contradicted":
        return True
    return name in _REFUSED_WHEN_UNKNOWN if relay else (name, number) == ("disable_ignition", 13)


def _against_the_truth(left: SimulationResult, sending: Sending) -> Iterator[str]:
    """No honest reading of the time that counts can have had this precondition met."""
    if not left.plan.clock_is_true:
        return
    name, car = sending.order.name, left.cloud.cars[sending.order.target.external_id]
    window = _FRESH if name == "disable_ignition" else _MAX_AGE
    since = after(sending.true, -window)
    for number in NEEDS[name]:
        if car.always(since, sending.true, lambda values, holds=HOLDS[number]: not holds(values)):  # type: ignore[misc]  # bound now
            yield f"{name} {sending.order.command_id} was sent though {number} had not held for {window:g} s"
    if name == "disable_ignition" and not car.always(
        after(sending.true, -(_OFF_FOR - _FRESH)), after(sending.true, -_FRESH), HOLDS[3]
    ):
        yield f"{name} {sending.order.command_id} was sent to a vehicle that was not off for {_OFF_FOR:g} s"


def by_budget(left: SimulationResult) -> Iterator[str]:
    """4. A deadline holds on the monotonic clock too, whatever is done to the wall clock."""
    if left.plan.clock_is_true or "disk" in left.trouble or "bus" in left.trouble or left.outages:
        return
    for sending in left.cloud.sendings:
        queued = next((moment for moment in left.of_command(sending.order.command_id) if moment.queued), None)
        if queued is None:  # that it is not in the audit log is another check's
            continue
        allowed = (queued.command["send_deadline"] - queued.at) / SECOND
        if sending.monotonic > left.committed(queued.seq) + allowed + 0.5:
            yield f"{sending.order.name} {sending.order.command_id} was sent after its time on the monotonic clock"


def accounts(left: SimulationResult) -> Iterator[str]:
    """10. No vehicle is reached through another company's account."""
    for sending in left.cloud.sendings:
        order, row = sending.order, left.commands.get(sending.order.command_id)
        if row is None:  # sent without a durable intent
            continue
        car, through = order.target.external_id, _enrolled(order)
        vehicle = BY_VIN.get(car, through)  # a car that is not enrolled belongs to no company
        moved = left.plan.insider is not None and through.company == vehicle.company
        if (through.account, row["company_id"]) != (vehicle.account, vehicle.company) and not moved:
            yield f"{car} was reached for {row['company_id']} through {through.account}"
