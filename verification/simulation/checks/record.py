"""What rows, audit entries and answers say of the same command."""

from collections import Counter
from collections.abc import Iterator

from keyturn.clock import SECOND
from verification.simulation.run_result import Moment, RunResult, kept_up
from verification.simulation.world.oem import READS

_TRANSITIONS = {
    "Confirming": "AwaitingApproval Queued Refused Expired Cancelled",
    "AwaitingApproval": "Queued Refused Expired Cancelled",
    "Queued": "Dispatching Refused Failed Expired Cancelled",
    "Dispatching": "Queued Accepted Executed Failed Refused Expired Unknown",
    "Accepted": "Executed Failed Refused Unknown",
    "Unknown": "Executed Failed",
    "Executed": "Verified",
}
_NOT_DONE = ("Failed", "Refused", "Expired", "Cancelled")
_PAIR = ("disable_ignition", "enable_ignition")
_FINAL = ("Success", "Error")


def durable(left: RunResult) -> Iterator[str]:
    """1. What was answered is there, and a redeemed code is seen to be redeemed."""
    for heard in left.heard:
        if heard.id is None:
            continue
        row = left.commands.get(heard.id)
        if row is None:
            yield f"{heard.command} {heard.id} was answered and is not there"
        elif heard.code is not None and heard.command in _PAIR and row["redeemed_at"] is None and not kept_up(row):
            yield f"{heard.command} {heard.id} was answered as redeemed and is not"


def final(left: RunResult) -> Iterator[str]:
    """5. Everything comes to an end, within the bound that its row states."""
    if left.open_rows:
        yield f"{left.open_rows} commands or codes are still open"
    for row in left.commands.values():
        if row["status"] not in _FINAL:
            yield f"{row['name']} {row['id']} is still {row['state']}"
    if left.plan.clock_is_true and "disk" not in left.trouble and not left.outages:
        yield from _late(left)


def _late(left: RunResult) -> Iterator[str]:
    engine = left.plan.settings.engine
    for before, after in _pairs(left.moments):
        row = before.command
        bounds = {
            "AwaitingApproval": row["approve_by"],
            "Queued": row["send_deadline"],
            "Dispatching": (row["send_by"] or row["send_deadline"] or 0) + engine.answer_timeout * SECOND,
            "Accepted": row["answer_deadline"],
        }
        bound = bounds.get(before.after)
        if bound is not None and after.at > bound + (2 * engine.sweep_interval + 16.0) * SECOND:
            yield f"{row['name']} {row['id']} left {before.after} {(after.at - bound) / SECOND:.0f} s late"


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
        if moment.moved and moment.said_from != moment.before:
            yield f"{moment.command['id']} was {moment.before} and the entry says {moment.said_from}"
        left_behind = left.restored and moment.kind == "Unknown" and moment.before == "Queued"
        allowed = left_behind or moment.kind in _TRANSITIONS.get(moment.before or "", "").split()
        if moment.moved and not allowed:
            yield f"{moment.command['id']} went from {moment.before} to {moment.kind}"
        states[moment.command["id"]] = moment.after
    for row in left.commands.values():
        if states.get(row["id"]) != row["state"]:
            yield f"{row['id']} is {row['state']} and its entries end at {states.get(row['id'])}"
    yield from _refusals_missing(left)


def _refusals_missing(left: RunResult) -> Iterator[str]:
    heard = Counter(
        heard.application for heard in left.heard
        if heard.command in _PAIR and heard.id is None and heard.status not in (None, 200, 401, 503)
    )  # fmt: skip
    for actor, count in heard.items():
        if left.refusals[actor] < count:
            yield f"{actor} was refused {count} times and {left.refusals[actor]} are written down"


def success_stays(left: RunResult) -> Iterator[str]:
    """Success is never taken back, and nothing final is Pending again."""
    last: dict[str, str] = {}
    told = ((moment.command["id"], moment.status or "") for moment in left.moments)
    for command_id, status in told:
        yield from _taken_back(command_id, last.get(command_id, ""), status)
        last[command_id] = status or last.get(command_id, "")
    shown: dict[str, tuple[float, str]] = {}
    for seen in sorted((seen for seen in left.seen if seen.status == 200), key=lambda seen: seen.at):
        at, before = shown.get(seen.command_id, (0.0, ""))
        if seen.at > at:
            yield from _taken_back(seen.command_id, before, seen.body["status"])
            shown[seen.command_id] = seen.at, seen.body["status"]


def _taken_back(command_id: str, before: str, after: str) -> Iterator[str]:
    if (before == "Success" and after not in ("", "Success")) or (before == "Error" and after == "Pending"):
        yield f"{command_id} went from {before} to {after}"


def certain_ends(left: RunResult) -> Iterator[str]:
    """What is shown as not done was not done."""
    for row in left.commands.values():
        if row["id"] in left.cloud.lied or row["name"] in READS:
            continue
        if row["state"] in _NOT_DONE and left.acted(row["id"]):
            yield f"{row['name']} {row['id']} is {row['state']} and the vehicle did it"


def tried_on(left: RunResult) -> Iterator[str]:
    """What cannot have happened and was temporary ends only where the next try would come too late."""
    for moment in left.moments:
        if moment.kind != "Failed" or not left.plan.clock_is_true:
            continue
        told, row = moment.told, moment.command
        late = max(moment.at, told.get("not_before", 0)) >= row["send_deadline"]
        for_good = moment.before != "Queued" and (told["verdict"] != "not_taken" or _for_good(left, moment))
        if not (late or for_good):
            yield f"{row['name']} {row['id']} was given up with time left"


def _for_good(left: RunResult, moment: Moment) -> bool:
    """The last answer to a sending of it said so; a connection that was never open says nothing of the kind."""
    answers = [each.answer for each in left.cloud.sendings if each.order.command_id == moment.command["id"]]
    counting = answers if moment.command["name"] in READS else answers[-1:]  # a read that another node runs again too
    return any(answer is not None and not answer.temporary for answer in counting)


def heard(left: RunResult) -> Iterator[str]:
    """Where nothing goes wrong and there is time, nothing ends unknown."""
    plan = left.plan
    troubled = plan.rates or plan.crashes or plan.events or plan.declares["cloud"].quota
    if troubled or plan.settings.commands.answer_wait["start"] < 20.0:
        return
    for row in left.commands.values():
        if row["state"] == "Unknown":
            yield f"{row['name']} {row['id']} is Unknown for no reason"


def answers(left: RunResult) -> Iterator[str]:
    """A POST says Success never, and Error only of what is final."""
    for heard in left.heard:
        row = left.commands.get(heard.id or "")
        if row is None:
            continue
        if heard.body["status"] not in ("Confirmation", "Pending", "Error"):
            yield f"a POST answered {heard.body['status']}"
        if heard.status != 200 and row["status"] not in _FINAL:
            yield f"{row['id']} was answered {heard.status} and is {row['state']}"
        if heard.status in (403, 409) and row["state"] != "Refused":
            yield f"{row['id']} was answered {heard.status} and is {row['state']}"
