"""No company reads, infers or acts on what is another's."""

from collections.abc import Iterator

from verification.results import RunResult

_NOT_THERE = "VIN not found or unauthorized access."


def isolation(left: RunResult) -> Iterator[str]:
    """10. Answers, records and entries are the company's own."""
    for response in left.responses:
        row = left.rows.get(response.id or "")
        whose = response.company, response.vin, response.command
        if row is not None and (left.company_of(row), row["vin"], row["name"]) != whose:
            yield f"{response.application} asked for {response.command} of {response.vin} and got {row['id']}"
        own = left.owner_of(response.vin) == response.company
        if not own and response.status not in (None, 401, 503) and response.body.get("detail") != _NOT_THERE:
            yield f"{response.application} heard {response.status} {dict(response.body)} of {response.vin}"
    for read in left.reads:
        row = left.rows.get(read.command_id)
        if row is not None and read.status == 200 and left.company_of(row) != read.company:
            yield f"{read.application} of {read.company} read {read.command_id} of {left.company_of(row)}"
    for entry in left.entries:
        row = left.rows.get(entry["command_id"] or "")
        if row is not None and row["company_id"] != entry["company_id"]:
            yield f"entry {entry['seq']} about {row['id']} belongs to {entry['company_id']}"
