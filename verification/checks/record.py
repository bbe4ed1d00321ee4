"""Rows, audit entries and answers agree about a command; an immobilised vehicle has an immobilisation record."""

from collections.abc import Iterator

from verification.results import IGNITION_PAIR, READS, Moment, Read, Response, RunResult, kept_up, named

_FINAL = ("Success", "Error")
_OWNING_UP = ("Dispatching", "Accepted", "Executed", "Verified", "Unknown")
"""States in which the vehicle may have done it."""


def durable(left: RunResult) -> Iterator[str]:
    """1. What was answered is there, as it was answered, and a redeemed code is seen to be redeemed."""
    if left.damage:
        yield f"the database is damaged: {left.damage}"
    for response in left.responses:
        if response.id is None:
            continue
        row, answered = left.rows.get(response.id), f"{response.command} {response.id} was answered"
        if row is None:
            yield f"{answered} and is not there"
        elif (row["vin"], row["name"]) != (response.vin, response.command):
            yield f"{answered} and is a {row['name']} of {row['vin']}"
        elif _is_redeemed(response) and row["redeemed_at"] is None and not kept_up(row):
            yield f"{answered} as redeemed and is not"
    for read in left.reads:
        row = left.rows.get(read.command_id)
        if read.status == 404 and row is not None and left.company_of(row) == read.company:
            yield f"{read.command_id} was asked for and not found"


def _is_redeemed(response: Response) -> bool:
    return response.code is not None and response.command in IGNITION_PAIR


def final(left: RunResult) -> Iterator[str]:
    """5. Everything comes to an end, within the bound that its row states."""
    if left.open_rows:
        yield f"{left.open_rows} commands or codes are still open"
    for row in left.rows.values():
        if row["status"] not in _FINAL:
            yield f"{named(row)} is still {row['state']}"
    for moment, seconds in late(left):
        if seconds > 0:
            yield f"{named(moment.command)} was {moment.after} for {seconds:.0f} s too long"


def late(left: RunResult) -> Iterator[tuple[Moment, float]]:
    """States that were kept beyond their bound, with the seconds that the harness does not allow for."""
    for before, after in _pairs(left.moments):
        bound = _bound(before)
        if bound is not None and after.at > bound:
            yield before, left.overdue(before, bound, after.at)


def _bound(moment: Moment) -> int | None:
    row = moment.command
    bounds = {
        "AwaitingApproval": row["approve_by"],
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


def success_stays(left: RunResult) -> Iterator[str]:
    """Success is never taken back, and nothing final is Pending again."""
    last: dict[str, str] = {}
    for moment in left.moments:
        command_id, status = moment.command["id"], moment.status
        yield from _taken_back(command_id, last.get(command_id, ""), status)
        last[command_id] = status or last.get(command_id, "")
    shown: dict[str, Read] = {}
    for read in sorted((read for read in left.reads if read.status == 200), key=lambda read: read.at):
        before = shown.get(read.command_id)
        if before is None or read.asked_at > before.at:
            yield from _taken_back(read.command_id, before.body["status"] if before else "", read.body["status"])
            shown[read.command_id] = read


def _taken_back(command_id: str, before: str, after: str) -> Iterator[str]:
    if (before == "Success" and after not in ("", "Success")) or (before == "Error" and after == "Pending"):
        yield f"{command_id} went from {before} to {after}"


def certain_ends(left: RunResult) -> Iterator[str]:
    """What is shown as not done was not done; what the OEM's answer made Executed was done."""
    read = {moment.command["id"] for moment in left.moments if _by_reading(moment)}
    for row in left.rows.values():
        if row["name"] in READS or row["id"] in left.lied:
            continue
        acted = left.acted(row["id"])
        if acted and row["state"] not in _OWNING_UP:
            yield f"{named(row)} is {row['state']} and the vehicle did it"
        if acted and not row["may_have_executed"]:
            yield f"{named(row)} says that it cannot have happened and the vehicle did it"
        if row["status"] == "Success" and not acted and row["outcome"] != "already_done" and row["id"] not in read:
            yield f"{named(row)} is {row['state']} and the vehicle did nothing"


def _by_reading(moment: Moment) -> bool:
    """Executed by a changed reading and no answer: the vehicle's own life may have changed it."""
    return moment.kind == "Executed" and moment.before == "Unknown" and moment.body.get("exchange") is None


def tried_on(left: RunResult) -> Iterator[str]:
    """What cannot have happened and was temporary ends only where the next try would come too late."""
    for moment in left.moments:
        if moment.kind != "Failed" or not left.refused_for_now(moment):
            continue
        if max(moment.at, moment.body.get("not_before", 0)) < moment.command["send_deadline"]:
            yield f"{named(moment.command)} was given up with time left"


def answers(left: RunResult) -> Iterator[str]:
    """A POST never answers Success, answers Error only for final commands, and nothing outside the contract."""
    for response in left.responses:
        row = left.rows.get(response.id or "")
        if row is None:
            if response.status is not None and (response.status < 400 or set(response.body) != {"detail"}):
                yield f"a POST answered {response.status} {dict(response.body)}"
            continue
        if response.body["status"] not in ("Confirmation", "Pending", "Error"):
            yield f"a POST answered {response.body['status']}"
        if response.status != 200 and row["status"] not in _FINAL:
            yield f"{row['id']} was answered {response.status} and is {row['state']}"
        if response.status in (403, 409) and row["state"] != "Refused":
            yield f"{row['id']} was answered {response.status} and is {row['state']}"


def on_record(left: RunResult) -> Iterator[str]:
    """A vehicle immobilised in time, by an OEM that reports the truth, and not released since, has a record."""
    for vin, command_id, at in left.unrecorded:
        ignition = {row["id"] for row in left.rows.values() if row["vin"] == vin and "_ignition" in row["name"]}
        row = left.rows.get(command_id)
        if row is not None and left.lied.isdisjoint(ignition) and at <= (row["answer_deadline"] or 0):
            yield f"{vin} is immobilised by {command_id} and has no open record"
