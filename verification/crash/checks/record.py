"""What rows, audit entries, answers and the clouds say of the same command."""

import json
from collections import Counter
from collections.abc import Iterator

from keyturn.clock import SECOND
from keyturn.commands.catalogue import COMMANDS, IGNITION_PAIR
from keyturn.commands.states import TRANSITIONS, State
from verification.crash.caller import Seen
from verification.crash.run_result import Moment, Row, RunResult

_FINAL = ("Success", "Error")
_OWNING_UP = {"Dispatching", "Accepted", "Executed", "Verified", "Unknown"}
"""States in which the vehicle may have done it."""
_INITIAL = {"Confirming", "AwaitingApproval", "Queued", "Refused"}
"""States in which a row can be registered."""
_SWEPT_WITHIN = 5.0
"""Seconds of servers' lives, their beginnings aside, after which a bound that passed has been noticed."""


def durable(left: RunResult) -> Iterator[str]:
    """1. What was answered is there, as it was answered, and a redeemed code is seen to be redeemed."""
    if left.records.whole != "ok":
        yield f"the database is damaged: {left.records.whole}"
    for heard in left.book.heard:
        if heard.id is None:
            continue
        row = left.commands.get(heard.id)
        if row is None:
            yield f"{heard.command} {heard.id} was answered and is not there"
        elif (row["vin"], row["name"]) != (heard.vin, heard.command):
            yield f"{heard.command} {heard.id} was answered and is a {row['name']}"
        elif heard.code is not None and heard.command in IGNITION_PAIR and row["redeemed_at"] is None:
            yield f"{heard.command} {heard.id} was answered as redeemed and is not"
    for seen in left.book.seen:
        row = left.commands.get(seen.command_id)
        if seen.status == 404 and row is not None and left.company_of[row["vin"]] == seen.application.company:
            yield f"{seen.command_id} was asked for and not found"


def final(left: RunResult) -> Iterator[str]:
    """5. Everything comes to an end, within the bound that its row states."""
    for row in left.commands.values():
        if row["status"] not in _FINAL:
            yield f"{_named(row)} is still {row['state']}"
    for moment, seconds in late(left):
        if seconds > _SWEPT_WITHIN:
            yield f"{_named(moment.command)} was {moment.after} for {seconds:.0f} s of servers that could have ended it"


def late(left: RunResult) -> Iterator[tuple[Moment, float]]:
    """States that were kept beyond their bound, with the seconds in which a server could have ended them."""
    for before, after in _pairs(left.moments):
        bound = _bound(before)
        if bound is not None and after.at > bound:
            yield before, left.up_between(bound, after.at) / SECOND


def _bound(moment: Moment) -> int | None:
    row = moment.command
    bounds = {
        "Queued": row["send_deadline"],
        "Dispatching": row["send_by"] or row["send_deadline"],
        "Accepted": row["answer_deadline"],
    }
    return bounds.get(moment.after)


def _pairs(moments: list[Moment]) -> Iterator[tuple[Moment, Moment]]:
    """Each change of a command's state with the one before it."""
    last: dict[str, Moment] = {}
    for moment in moments:
        if moment.moved or moment.kind == "registered":
            if moment.command["id"] in last:
                yield last[moment.command["id"]], moment
            last[moment.command["id"]] = moment


def audited(left: RunResult) -> Iterator[str]:
    """8. The entries lead to the row's state, step by allowed step; refused ignition attempts are among them."""
    states: dict[str, str] = {}
    for moment in left.moments:
        command_id = moment.command["id"]
        if moment.kind == "registered" and (command_id in states or moment.after not in _INITIAL):
            yield f"{command_id} was registered as {moment.after} after {states.get(command_id)}"
        if moment.moved and moment.body.get("from") != moment.before:
            yield f"{command_id} was {moment.before} and the entry says {moment.body.get('from')}"
        elif moment.moved and State(moment.kind) not in TRANSITIONS[State(moment.before or "")]:
            yield f"{command_id} went from {moment.before} to {moment.kind}"
        states[command_id] = moment.after
    for row in left.commands.values():
        if states.get(row["id"]) != row["state"]:
            yield f"{row['id']} is {row['state']} and its entries end at {states.get(row['id'])}"
    yield from _strangers(left)
    yield from _refusals_missing(left)


def _strangers(left: RunResult) -> Iterator[str]:
    for command_id in {entry["command_id"] for entry in left.records.entries} - left.commands.keys() - {None}:
        yield f"{command_id} has entries and no row"


def _refusals_missing(left: RunResult) -> Iterator[str]:
    told = Counter(entry["actor"] for entry in left.records.entries if entry["kind"] == "ignition.refused")
    for entry in left.records.entries:
        if entry["kind"] == "ignition.refusals":
            told[entry["actor"]] += json.loads(entry["body"])["count"]
    for window in left.records.windows:
        told[window["application_id"]] += sum(kind["count"] for kind in json.loads(window["folded"]))
    heard = Counter(
        heard.application.id for heard in left.book.heard
        if heard.command in IGNITION_PAIR and heard.id is None and heard.status not in (None, 401, 503)
    )  # fmt: skip
    for actor, count in heard.items():
        if told[actor] < count:
            yield f"{actor} was refused {count} times and {told[actor]} are written down"


def success_stays(left: RunResult) -> Iterator[str]:
    """Success is never taken back, and nothing final is Pending again."""
    last: dict[str, str] = {}
    for moment in left.moments:
        command_id, status = moment.command["id"], moment.body.get("status", "")
        yield from _taken_back(command_id, last.get(command_id, ""), status)
        last[command_id] = status or last.get(command_id, "")
    shown: dict[str, Seen] = {}
    for seen in left.book.seen:
        before = shown.get(seen.command_id)
        if seen.status == 200 and (before is None or seen.asked_at > before.at):
            yield from _taken_back(seen.command_id, before.body["status"] if before else "", seen.body["status"])
            shown[seen.command_id] = seen


def _taken_back(command_id: str, before: str, after: str) -> Iterator[str]:
    if (before == "Success" and after not in ("", "Success")) or (before == "Error" and after == "Pending"):
        yield f"{command_id} went from {before} to {after}"


def certain_ends(left: RunResult) -> Iterator[str]:
    """What is shown as not done was not done; what the OEM's word made Executed was done."""
    read = {moment.command["id"] for moment in left.moments if _by_reading(moment)}
    for row in left.commands.values():
        if COMMANDS[row["name"]].is_read:
            continue
        acted = left.acted(row["id"])
        if acted and row["state"] not in _OWNING_UP:
            yield f"{_named(row)} is {row['state']} and the vehicle did it"
        if acted and not row["may_have_executed"]:
            yield f"{_named(row)} says that it cannot have happened and the vehicle did it"
        if row["status"] == "Success" and not acted and row["outcome"] != "already_done" and row["id"] not in read:
            yield f"{_named(row)} is {row['state']} and the vehicle did nothing"


def tried_on(left: RunResult) -> Iterator[str]:
    """What cannot have happened and was temporary ends only where the next try would come too late."""
    for moment in left.moments:
        row, body = moment.command, moment.body
        if moment.kind != "Failed" or not _for_now(moment):
            continue
        if max(moment.at, body.get("not_before", 0)) < row["send_deadline"]:
            yield f"{_named(row)} was given up with time left"


def _for_now(moment: Moment) -> bool:
    """Refused with 503, or no connection at all; or held back, or tried before."""
    refused = moment.body.get("verdict") == "not_taken"
    return moment.before == "Queued" or (refused and moment.body["exchange"].get("status") in (None, 503))


def _by_reading(moment: Moment) -> bool:
    """Executed by a changed reading and no answer: the vehicle's own life may have changed it."""
    return moment.kind == "Executed" and moment.before == "Unknown" and moment.body.get("exchange") is None


def answers(left: RunResult) -> Iterator[str]:
    """A POST says Success never, Error only of what is final, and nothing that the contract does not have."""
    for heard in left.book.heard:
        row = left.commands.get(heard.id or "")
        if heard.status is not None and row is None and (heard.status < 400 or set(heard.body) != {"detail"}):
            yield f"a POST answered {heard.status} {dict(heard.body)}"
        if row is None:
            continue
        if heard.body["status"] not in ("Confirmation", "Pending", "Error"):
            yield f"a POST answered {heard.body['status']}"
        if heard.status != 200 and row["status"] not in _FINAL:
            yield f"{row['id']} was answered {heard.status} and is {row['state']}"
        if heard.status in (403, 409) and row["state"] != "Refused":
            yield f"{row['id']} was answered {heard.status} and is {row['state']}"


def processes(left: RunResult) -> Iterator[str]:
    """What was not killed did not die."""
    yield from left.complaints


def _named(row: Row) -> str:
    return f"{row['name']} {row['id']}"
