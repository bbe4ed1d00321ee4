"""A vehicle that we immobilised is on record as immobilised."""

from collections.abc import Iterator

from verification.results import RunResult


def on_record(left: RunResult) -> Iterator[str]:
    """Whoever was immobilised in time, by an OEM that tells the truth, and not released since, has a record."""
    for vin, command_id, at in left.unrecorded:
        ignition = {row["id"] for row in left.rows.values() if row["vin"] == vin and "_ignition" in row["name"]}
        row = left.rows.get(command_id)
        if row is not None and left.lied.isdisjoint(ignition) and at <= (row["answer_deadline"] or 0):
            yield f"{vin} is immobilised by {command_id} and has no open record"
