"""A vehicle that we immobilised is on record as immobilised."""

from collections.abc import Iterator

from verification.simulation.run_result import RunResult
from verification.simulation.world.oem import Actuation


def on_record(left: RunResult) -> Iterator[str]:
    """Whoever was immobilised in time, by an OEM that tells the truth, has a record: open, or closed by hand and held.

    It is looked at before the way back is walked, and in the end.
    """
    if not left.plan.clock_is_true:
        return
    for vin, by in (*left.unrecorded, *_in_the_end(left)):
        ignition = [row["id"] for row in left.commands.values() if row["vin"] == vin and "_ignition" in row["name"]]
        if not left.cloud.lied.isdisjoint(ignition):
            continue
        if by.at <= (left.commands[by.ref]["answer_deadline"] or 0):
            yield f"{vin} is immobilised by {by.ref} and has no open record"


def _in_the_end(left: RunResult) -> Iterator[tuple[str, Actuation]]:
    recorded = {row["vehicle_id"] for row in left.immobilisations if row["state"] != "closed" or row["held"]}
    for vin, car in left.cloud.cars.items():
        if car.values["ignition_disabled"]:
            by = next(a for a in reversed(left.cloud.ledger) if (a.vin, a.name) == (vin, "disable_ignition"))
            if left.commands[by.ref]["vehicle_id"] not in recorded:
                yield vin, by
