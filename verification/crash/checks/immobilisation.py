"""A vehicle that we immobilised is on record as immobilised."""

from collections.abc import Iterator

from keyturn.commands.catalogue import DISABLE, ENABLE
from verification.crash.run_result import RunResult


def on_record(left: RunResult) -> Iterator[str]:
    """Whoever was immobilised in time, and not released since, has an open record."""
    opened_by = {row["vehicle_id"] for row in left.records.immobilisations if row["state"] != "closed"}
    last = {}
    for sending in sorted(left.sendings, key=lambda sending: sending.operation.completed_at or 0):
        if sending.acted and sending.operation.command in (DISABLE, ENABLE):
            last[sending.operation.vin] = sending
    for vin, sending in last.items():
        row = left.commands.get(sending.operation.client_ref)
        if row is None or sending.operation.command != DISABLE or row["vehicle_id"] in opened_by:
            continue
        if (sending.operation.completed_at or 0) <= (row["answer_deadline"] or 0):
            yield f"{vin} is immobilised by {row['id']} and has no open record"
