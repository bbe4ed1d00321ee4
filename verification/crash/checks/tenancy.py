"""No company reads, infers or acts on what is another's."""

from collections import Counter
from collections.abc import Iterator

from verification.crash.run_result import RunResult

_NOT_THERE = "VIN not found or unauthorized access."


def isolation(left: RunResult) -> Iterator[str]:
    """10. Answers, records, entries and clouds are the company's own."""
    for vin, count in Counter(row["vin"] for row in left.records.vehicles).items():
        if count > 1:
            yield f"{vin} is active {count} times"
    yield from _answers(left)
    for command in left.commands.values():
        company = left.applications[command["actor"]].company
        if company != left.company_of[command["vin"]]:
            yield f"{command['id']} of {command['vin']} was registered for {company}"
    for sending in left.sendings:
        if sending.company != left.company_of[sending.operation.vin]:
            yield f"{sending.operation.vin} was reached through the account of {sending.company}"
    for entry in left.records.entries:
        row = left.commands.get(entry["command_id"] or "")
        if row is not None and row["company_id"] != entry["company_id"]:
            yield f"entry {entry['seq']} about {row['id']} belongs to {entry['company_id']}"


def _answers(left: RunResult) -> Iterator[str]:
    for heard in left.book.heard:
        own = left.company_of.get(heard.vin) == heard.application.company
        if not own and heard.final and heard.body.get("detail") != _NOT_THERE:
            yield f"{heard.application.id} heard {heard.status} {dict(heard.body)} of {heard.vin}"
    for seen in left.book.seen:
        row = left.commands.get(seen.command_id)
        if row is not None and seen.status == 200 and left.company_of[row["vin"]] != seen.application.company:
            yield f"{seen.application.id} read {seen.command_id}"
