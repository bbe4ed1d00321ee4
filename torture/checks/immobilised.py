"""A vehicle that we immobilised is on record as immobilised."""

from collections.abc import Iterator

from ..history import Aftermath
from ..installation import BY_VIN


def on_record(left: Aftermath) -> Iterator[str]:
    """Whoever was immobilised in time, by an OEM that tells the truth, has an open record or had it closed by hand."""
    if not left.plan.clock_is_true:
        return
    open_for = {row["vehicle_id"] for row in left.immobilisations if row["state"] != "closed" or row["close_reason"]}
    for vin, car in left.cloud.cars.items():
        commands = [row for row in left.commands.values() if row["vin"] == vin and row["name"].endswith("_ignition")]
        lied = any(row["id"] in left.cloud.lied for row in commands)
        if not car.values["ignition_disabled"] or lied or BY_VIN[vin].id in open_for:
            continue
        by = next(a for a in reversed(left.cloud.ledger) if a.vin == vin and a.name == "disable_ignition")
        if by.at <= (left.commands[by.ref]["answer_deadline"] or 0):
            yield f"{vin} is immobilised by {by.ref} and has no open record"
