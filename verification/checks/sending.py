"""What was sent to the OEM, and how often."""

from collections import defaultdict
from collections.abc import Iterator

from verification.results import READS, RunResult, Sending


def at_most_once(left: RunResult) -> Iterator[str]:
    """2. Only what cannot have happened and was temporary is sent again, and no vehicle did anything twice."""
    by_command: dict[str, list[Sending]] = defaultdict(list)
    for sending in left.sendings:
        if sending.name not in READS:
            by_command[sending.command_id].append(sending)
    for command_id, sendings in by_command.items():
        for earlier in sendings[:-1]:
            if not earlier.repeatable:
                yield f"{earlier.name} {command_id} was sent again after {earlier.answer}"
        if left.acted(command_id) > 1:
            yield f"{sendings[0].name} {command_id} was executed {left.acted(command_id)} times"


def unknown_never_again(left: RunResult) -> Iterator[str]:
    """6. From Unknown nothing leads back to a sending."""
    since: dict[str, int] = {}
    for moment in left.moments:
        command_id = moment.command["id"]
        if moment.after == "Unknown":
            since[command_id] = moment.at if moment.kind == "Unknown" else since.get(command_id, moment.at)
        elif moment.kind in ("Dispatching", "Queued") and command_id in since:
            yield f"{moment.command['name']} {command_id} was Unknown and became {moment.kind}"
    for sending in left.sendings:
        if sending.taken_at is not None and sending.taken_at > since.get(sending.command_id, 1 << 62):
            yield f"{sending.name} {sending.command_id} was Unknown when it was taken"
