"""What the clouds were sent, when, and how often."""

from collections.abc import Iterator

from keyturn.clock import SECOND
from verification.crash.run_result import RunResult, Sending

_ON_ITS_WAY = 1.0
"""Seconds that a request may take from its first byte until a busy cloud notes it."""


def at_most_once(left: RunResult) -> Iterator[str]:
    """2. No cloud took an actuating command twice, and no vehicle did it twice."""
    for command_id, sendings in left.by_ref.items():
        if sendings[0].read:
            continue
        if len(sendings) > 1:
            yield f"{_named(sendings[0])} was taken {len(sendings)} times"
        if left.acted(command_id) > 1:
            yield f"{_named(sendings[0])} was executed {left.acted(command_id)} times"


def in_time(left: RunResult) -> Iterator[str]:
    """4. Nothing is sent without a durable intent, after its deadline, or after its `send_by`."""
    intended = {moment.command["id"]: moment.at for moment in left.moments if moment.kind == "Dispatching"}
    for sending in left.sendings:
        operation, row = sending.operation, left.commands.get(sending.operation.client_ref)
        if row is None or row["id"] not in intended:
            yield f"{_named(sending)} was sent without a durable intent"
        elif not sending.read and intended[row["id"]] > operation.accepted_at:
            yield f"{_named(sending)} was sent before its intent"
        elif not sending.read and operation.accepted_at > _latest(left, sending) + _ON_ITS_WAY * SECOND:
            late = (operation.accepted_at - _latest(left, sending)) / SECOND
            yield f"{_named(sending)} was sent {late:.1f} s too late"


def _latest(left: RunResult, sending: Sending) -> int:
    row = left.commands[sending.operation.client_ref]
    return int(min(row["send_by"] or row["send_deadline"], row["send_deadline"]))


def unknown_never_again(left: RunResult) -> Iterator[str]:
    """6. From Unknown nothing leads back to a sending."""
    unknown_since: dict[str, int] = {}
    for moment in left.moments:
        command_id = moment.command["id"]
        if moment.kind == "Unknown":
            unknown_since[command_id] = moment.at
        elif moment.kind in ("Dispatching", "Queued") and command_id in unknown_since:
            yield f"{moment.command['name']} {command_id} was Unknown and became {moment.kind}"
    for sending in left.sendings:
        since = unknown_since.get(sending.operation.client_ref)
        if since is not None and sending.operation.accepted_at > since:
            yield f"{_named(sending)} was Unknown when it was taken"


def _named(sending: Sending) -> str:
    return f"{sending.operation.command} {sending.operation.client_ref}"
