"""What policies, limits and operators forbid does not happen, and what none of them forbids is not refused."""

from collections import Counter
from collections.abc import Iterator

from keyturn.clock import SECOND
from verification.results import RESTORING, Moment, Row
from verification.simulation.checks.policy_replay import DISABLE, PoliciesInForce, replay
from verification.simulation.clients.responses import PostResult
from verification.simulation.run_result import SimulationResult
from verification.simulation.world.installation import APPROVERS

_SWITCHED_OFF = "Command blocked by policy: stopped by a kill switch."
_GONE = "no longer permitted"
_REASONS = ("missing", "suspicion of theft or robbery", "unauthorised use")
_NOTICE_LASTS = 86_400 * SECOND
_HOUR, _DAY = 3_600 * SECOND, 86_400 * SECOND
_WAITING = ("AwaitingApproval", "Queued")


def hold(left: SimulationResult) -> Iterator[str]:
    """Nothing is sent against a kill switch or the policy of that moment; enabling needs nothing."""
    for entry, moment, in_force in replay(left):
        if moment is None:
            yield from _bare_refusal(entry, left, in_force)
        elif moment.kind == "Dispatching":
            yield from _sent(left, moment, in_force)
        elif moment.kind == "Refused":
            yield from _refused(moment, in_force)
        elif moment.kind == "held_back" and moment.command["name"] in RESTORING:
            yield f"{moment.command['name']} {moment.command['id']} was held back by {moment.body.get('cause')}"
        elif _takes_place(moment) and in_force.policy(entry["company_id"]).reason_required and not _has_reason(moment):
            yield f"{moment.command['id']} was queued for the reason {moment.body.get('reason')}"
    yield from _refused_answers(left)


def _has_reason(moment: Moment) -> bool:
    return str(moment.body.get("reason")).partition(";")[0] in _REASONS


def _sent(left: SimulationResult, moment: Moment, in_force: PoliciesInForce) -> Iterator[str]:
    row = moment.command
    policy = in_force.policy(row["company_id"])
    if in_force.switch_stops(row, moment.at):
        yield f"{row['name']} {row['id']} was sent although a switch was thrown over it"
    if row["name"] != DISABLE:
        return
    if policy.second_person and not _approved(left, moment):
        yield f"{row['id']} was sent and nobody had approved it"
    if policy.notify_first and moment.at > in_force.notified.get(row["vehicle_id"], 0) + _NOTICE_LASTS:
        yield f"{row['id']} was sent and nobody had been told"
    located_at = in_force.located.get(row["vehicle_id"], 0)
    if policy.locate_within and moment.at > located_at + policy.locate_within * 60 * SECOND:
        yield f"{row['id']} was sent and nobody knew where"


def _approved(left: SimulationResult, moment: Moment) -> bool:
    """An operator who may made it Queued before, and is the one on record."""
    by = {
        earlier.actor
        for earlier in left.of_command(moment.command["id"])
        if earlier.seq < moment.seq and (earlier.before, earlier.after) == ("AwaitingApproval", "Queued")
    }
    return by == {f"operator:{moment.command['approved_by']}"} and by <= {f"operator:{who}" for who in _fit(left)}


def _fit(left: SimulationResult) -> set[str]:
    """Ids of operators who may approve: not the owner of every application, unless that was changed."""
    changed = (left.bodies[entry["seq"]] for entry in left.entries if entry["kind"] == "application.changed")
    freed = {"responsible"} if any("responsible" in body for body in changed) else set()
    return {operator.id for operator in APPROVERS} | freed


def _refused(moment: Moment, in_force: PoliciesInForce) -> Iterator[str]:
    row = moment.command
    if (
        row["cause"] == "policy"
        and row["name"] in RESTORING
        and not in_force.switch_stops(row, moment.at)
        and _GONE not in row["detail"]
    ):
        yield f"{row['name']} {row['id']} was refused by policy: {row['detail']}"


def _bare_refusal(entry: Row, left: SimulationResult, in_force: PoliciesInForce) -> Iterator[str]:
    body = left.bodies[entry["seq"]]
    if entry["kind"] != "ignition.refused" or body["command"] not in RESTORING or body["http_status"] != 403:
        return
    vehicle = left.vehicle(body["vin"])
    if not in_force.switch_stops({"name": body["command"], **vehicle}, entry["at"]):
        yield f"{body['command']} of {body['vin']} was refused: {body['detail']}"


def _refused_answers(left: SimulationResult) -> Iterator[str]:
    """Neither a limit nor a quota ever answers a restoring command."""
    refusals = (post for post in left.posts if post.command in RESTORING and post.id is None)
    for post in refusals:
        if post.status == 429 or (post.status == 403 and not _by_switch(left, post)):
            yield f"{post.command} of {post.vin} was answered {post.status} {post.body}"


def _by_switch(left: SimulationResult, post: PostResult) -> bool:
    thrown = any(
        entry["kind"] == "switch.activated" and left.bodies[entry["seq"]]["reach"] == "restoring"
        for entry in left.entries
    )
    return thrown and post.body.get("detail") == _SWITCHED_OFF


def limits(left: SimulationResult) -> Iterator[str]:
    """Never more disables queued than allowed since the last lift, and none while a stop holds."""
    counted: list[Moment] = []
    for _entry, moment, in_force in replay(left):
        if moment is None or not _takes_place(moment):
            continue
        row, counted = moment.command, [*counted, moment]
        named = f"{row['id']} of {row['actor']}"
        policy = in_force.policy(row["company_id"])
        if in_force.limit_stops(row["company_id"], row["actor"]):
            yield f"{named} was queued although a limit holds"
        if 0 < policy.disables_per_actor_hour < _since_lift(counted, in_force, moment, row["actor"], _HOUR):
            yield f"{named} is one too many of its application"
        if 0 < policy.disables_per_company_day < _since_lift(counted, in_force, moment, "", _DAY):
            yield f"{named} is one too many of its company"
        if policy.fleet_share and _held(left, in_force, moment) >= _allowed(left, moment, policy.fleet_share):
            yield f"{named} is one too many of the fleet"


def _takes_place(moment: Moment) -> bool:
    return moment.command["name"] == DISABLE and moment.before == "Confirming" and moment.after in _WAITING


def _since_lift(counted: list[Moment], in_force: PoliciesInForce, now: Moment, actor: str, window: int) -> int:
    company = now.command["company_id"]
    since = max(now.at - window, in_force.lifted_at.get((company, actor), 0))
    return sum(
        moment.at > since and moment.command["company_id"] == company and actor in ("", moment.command["actor"])
        for moment in counted
    )


def _held(left: SimulationResult, in_force: PoliciesInForce, now: Moment) -> int:
    """Vehicles of the company, this one aside, that are or may be immobilised, or soon will be."""
    company = now.command["company_id"]
    held = {vehicle for vehicle, of in in_force.records.values() if of == company}
    states = {moment.command["id"]: moment for moment in left.moments if moment.seq < now.seq}
    held |= {
        moment.command["vehicle_id"]
        for moment in states.values()
        if moment.command["name"] == DISABLE and moment.after in _WAITING and moment.command["company_id"] == company
    }
    return len(held - {now.command["vehicle_id"]})


def _allowed(left: SimulationResult, now: Moment, share: float) -> int:
    """At most: every vehicle that there is counts as seen."""
    return max(1, int(left.fleet(now.command["company_id"]) * share / 100))


def approvals(left: SimulationResult) -> Iterator[str]:
    """One decision each, in time, and one dispatch at most; whatever was not approved was not sent."""
    ends: Counter[str] = Counter()
    for moment in left.moments:
        row = moment.command
        if moment.before != "AwaitingApproval" or not moment.moved:
            continue
        ends[row["id"]] += 1
        if moment.after == "Queued" and (moment.at >= row["approve_by"] or not moment.actor.startswith("operator:")):
            yield f"{row['id']} was approved too late or by {moment.actor}"
        if moment.after != "Queued" and any(sending.order.command_id == row["id"] for sending in left.cloud.sendings):
            yield f"{row['id']} became {moment.after} instead of approved, and was sent"
    for command_id, count in ends.items():
        if count > 1:
            yield f"{command_id} waited for an approval {count} times"
    yield from _decisions(left)


def _decisions(left: SimulationResult) -> Iterator[str]:
    """Decisions that operators were answered: one of them decided, and only operators who may."""
    made = [decision for decision in left.decisions if decision.state is not None]
    for command_id, count in Counter(decision.command_id for decision in made).items():
        if count > 1:
            yield f"{command_id} was decided {count} times"
    fit = _fit(left)
    for decision in made:
        if not (decision.operator.second_factor and decision.operator.id in fit):
            yield f"{decision.command_id} was decided by {decision.operator.id}"
