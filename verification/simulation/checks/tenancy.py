"""No company reads, infers or acts on what is another's."""

from collections.abc import Iterator

from verification.simulation.run_result import RunResult
from verification.simulation.world.installation import BY_ACCOUNT, BY_VIN

_NOT_THERE = "VIN not found or unauthorized access."


def isolation(left: RunResult) -> Iterator[str]:
    """10. Answers, records, entries and OEM accounts are the company's own."""
    yield from _answers(left)
    for seen in left.seen:
        row = left.commands.get(seen.command_id)
        if row is not None and row["company_id"] != seen.company and seen.status == 200:
            yield f"{seen.company} read {seen.command_id} of {row['company_id']}"
    for sending in left.cloud.sendings:
        order, row = sending.order, left.commands[sending.order.command_id]
        car, through = order.target.external_id, BY_ACCOUNT[order.target.account.id]
        vehicle = BY_VIN.get(car, through)  # of a car that nobody enrolled nobody was robbed
        moved = left.plan.insider is not None and through.company == vehicle.company
        if (through.account, row["company_id"]) != (vehicle.account, vehicle.company) and not moved:
            yield f"{car} was reached for {row['company_id']} through {through.account}"
    for entry in left.entries:
        row = left.commands.get(entry["command_id"] or "")
        if row is not None and row["company_id"] != entry["company_id"]:
            yield f"entry {entry['seq']} about {row['id']} belongs to {entry['company_id']}"


def _answers(left: RunResult) -> Iterator[str]:
    for heard in left.heard:
        vehicle, row = BY_VIN.get(heard.vin), left.commands.get(heard.id or "")
        if row is not None and (row["company_id"], row["vin"], row["name"]) != (
            heard.company,
            heard.vin,
            heard.command,
        ):
            yield f"{heard.application} asked for {heard.command} of {heard.vin} and got {row['id']}"
        own = vehicle is not None and vehicle.company == heard.company
        if not own and heard.status not in (None, 401, 503) and heard.body.get("detail") != _NOT_THERE:
            yield f"{heard.application} heard {heard.status} {heard.body} of {heard.vin}"
