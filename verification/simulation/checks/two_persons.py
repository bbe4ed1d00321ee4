"""Admins: what takes two persons is done by two, and what one person may do at once is never refused or delayed."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from keyturn.clock import SECOND
from verification.results import Row
from verification.simulation.checks.policy_replay import ALONE, DISABLE, replay
from verification.simulation.clients.responses import Asked
from verification.simulation.insiders.drawing import STRAY
from verification.simulation.run_result import SimulationResult
from verification.simulation.world.installation import APPLICATIONS, BY_ACCOUNT, COMPANIES, VEHICLES

Body = Mapping[str, Any]
_REST = 3_600 * SECOND

_GUARDED: dict[str, Callable[[Body], bool]] = {
    "application.client_secret_rotated": lambda _body: True,
    "application.sign_secret_added": lambda _body: True,
    "application.sign_secret_retired": lambda _body: True,
    "application.changed": lambda body: bool(body.get("active") or body.get("responsible")),
    "company.changed": lambda body: bool(body.get("active")),
    "account.changed": lambda body: "active" in body,
    "vehicle.changed": lambda body: bool({"external_id", "account"} & body.keys() or body.get("active")),
    "policy.loosened": lambda _body: True,
    "limit.lifted": lambda _body: True,
    "plan.changed": lambda body: "commands" in body,
    "operator.added": lambda body: body["role"] != "viewer",
    "operator.set": lambda body: "name" in body or "email" in body,
    "immobilisation.closed": lambda body: bool(body.get("held")),
    "switch.activated": lambda body: bool(body["reach"] == "restoring"),
    "switch.deactivated": lambda body: bool(body["reach"] != "restoring"),
}
"""By the entry of what was done: whether that takes a second admin, where there is one."""
_BEGAN = ("change.applied", "change.collected")
_NOT_SO = ("sign_in_required", "role_required", "own_change", "not_independent", "unknown_operation")
"""Errors that refuse a person; every other error reports that there is nothing to do."""


def second_person(left: SimulationResult) -> Iterator[str]:
    """Where the policy requires a second person, the insider's commands are sent only after another person's approval.

    A consent counts after its notice, and not before.
    """
    if left.plan.insider is None:
        return
    counts_from: dict[str, int] = {}
    for entry, moment, in_force in replay(left):
        if entry["kind"] == "consent.given":
            counts_from.setdefault(entry["vehicle_id"], entry["at"] + left.plan.insider.delay)
        if moment is None or moment.kind != "Dispatching" or moment.command["name"] != DISABLE:
            continue
        row = moment.command
        insiders = row["id"] in left.insiders.commands and row["approved_by"] in left.insiders.hands
        if in_force.policy(row["company_id"]).second_person and insiders:
            yield f"{row['id']} was asked for and approved by the insider ({row['approved_by']})"
        asks_consent = left.plan.insider.without_consent and row["company_id"] == COMPANIES[0]
        if asks_consent and moment.at < counts_from.get(row["vehicle_id"], 1 << 62):
            yield f"{row['id']} was sent before a consent counted"


def guarded(left: SimulationResult) -> Iterator[str]:
    """Whatever takes two admins was proposed by one and approved by another, who is not the first one's puppet.

    Where one is alone, and where two agreed, it waited for its notice.
    """
    insider = left.plan.insider
    if insider is None:
        return
    changes: dict[str, dict[str, tuple[str, int]]] = {}
    began: tuple[str, int] = ("", 0)
    state = _as_enrolled()
    for entry in left.entries:
        body, kind = left.bodies[entry["seq"]], entry["kind"]
        if kind.startswith("change."):
            changes.setdefault(body["change"], {})[kind] = entry["actor"].removeprefix("operator:"), entry["at"]
            began = (body["change"], entry["seq"]) if kind in _BEGAN else began
            continue
        news = {name: value for name, value in body.items() if state.get((_of(entry, body), name)) != value}
        state |= {(_of(entry, body), name): value for name, value in news.items()}
        if entry["actor"] == "engine" or kind not in _GUARDED or not _GUARDED[kind](news):
            continue
        steps = changes[began[0]] if 0 < entry["seq"] - began[1] <= 2 and began[0] else {}
        if problem := _lacks(steps, entry, insider.delay, alone=insider.alone, hands=left.insiders.hands):
            yield f"{kind} by {entry['actor']} {problem}"


def _as_enrolled() -> dict[tuple[str, str], Any]:
    """What changes are held against, by what they are of and the name of the value."""
    actives = (*COMPANIES, *BY_ACCOUNT, *(application.id for application in APPLICATIONS))
    state: dict[tuple[str, str], Any] = {(each, "active"): True for each in actives}
    for vehicle in VEHICLES:
        own = {"external_id": vehicle.vin, "account": vehicle.account, "active": True}
        state |= {(vehicle.id, name): value for name, value in own.items()}
    return state


def _of(entry: Row, body: Body) -> str:
    """Key of the values that an entry changes; only entries about things (`.changed`) may repeat a value."""
    if not entry["kind"].endswith(".changed"):
        return f"entry {entry['seq']}"
    return str(entry["vehicle_id"] or body.get("application_id") or body.get("account_id") or entry["company_id"])


def _lacks(steps: Mapping[str, tuple[str, int]], entry: Row, delay: int, *, alone: bool, hands: set[str]) -> str | None:
    """What the change behind an effect lacks; None: nothing."""
    if "change.proposed" not in steps:
        return "was never proposed"
    proposer, proposed_at = steps["change.proposed"]
    approver, noticed_from = steps.get("change.approved", ("", proposed_at))
    if not alone and (not approver or approver == proposer or {approver, proposer} <= hands):
        return f"was approved by '{approver}', and proposed by {proposer}"
    return "did not wait for its notice" if entry["at"] < noticed_from + delay else None


def meant(left: SimulationResult) -> Iterator[str]:
    """What leaves goes to the car that its row and its vehicle mean; a restoring one to that which was immobilised."""
    if left.plan.insider is None:
        return
    aims = {vehicle.id: vehicle.vin for vehicle in VEHICLES}
    for entry, moment, _in_force in replay(left):
        body = left.bodies[entry["seq"]]
        if entry["kind"] in ("vehicle.changed", "vehicle.added") and "external_id" in body:
            aims[entry["vehicle_id"]] = body["external_id"]
            if list(aims.values()).count(body["external_id"]) > 1:
                yield f"two vehicles mean {body['external_id']}"
        if moment is not None and moment.kind == "Dispatching" and not _restores(moment.command):
            row, aim = moment.command, aims.get(entry["vehicle_id"], moment.command["vin"])
            if row["external_id"] != aim:
                yield f"{row['name']} {row['id']} went to {row['external_id']} while {row['vin']} meant {aim}"
    for actuation in left.cloud.ledger:
        row = left.commands[actuation.ref]
        if actuation.vin != row["external_id"]:
            yield f"{row['name']} {row['id']} of {row['external_id']} was done by {actuation.vin}"
        other = actuation.vin not in (row["vin"], STRAY)
        if other or (row["name"] == DISABLE and actuation.vin != row["vin"] and _conflict_before(left, actuation.ref)):
            yield f"{row['name']} {row['id']} of {row['vin']} was done by {actuation.vin}"


def _restores(row: Row) -> bool:
    return row["name"] in ("enable_ignition", "cancel_start", "cancel_alert")


def _conflict_before(left: SimulationResult, command_id: str) -> bool:
    """Before it was sent, its OEM reported that the vehicle is another one."""
    sent = next(moment.seq for moment in reversed(left.of_command(command_id)) if moment.kind == "Dispatching")
    vehicle = left.commands[command_id]["vehicle_id"]
    return any(
        entry["kind"] == "vehicle.identity_conflict" and entry["vehicle_id"] == vehicle and entry["seq"] < sent
        for entry in left.entries
    )


def restoring_held(left: SimulationResult) -> Iterator[str]:
    """By one person no longer than ten minutes, and then not again for an hour."""
    if left.plan.insider is None:
        return
    over: list[tuple[float, tuple[str, ...]]] = []
    for entry in left.entries:
        body = left.bodies[entry["seq"]]
        if entry["kind"] != "switch.activated" or body["reach"] != "restoring" or body.get("approved_by"):
            continue
        place = ("installation",) if body["scope"] == "installation" else (body["scope"], body["scope_id"])
        ends = _ends(left, entry, body)
        if ends > entry["at"] + ALONE:
            yield f"restoring was stopped by {entry['actor']} alone for {(ends - entry['at']) / SECOND:g} s"
        for earlier, where in over:
            if entry["at"] < earlier + _REST and (where == place or ("installation",) in (where, place)):
                yield f"restoring was stopped by {entry['actor']} alone again"
        over.append((ends, place))


def _ends(left: SimulationResult, thrown: Row, body: Body) -> float:
    """When it was released or ended; infinite where its entry has no end and it was not released."""
    same = ("scope", "scope_id", "reach")
    later = (entry for entry in left.entries if entry["seq"] > thrown["seq"])
    for entry in later:
        later_body = left.bodies[entry["seq"]]
        if entry["kind"] == "switch.deactivated" and all(later_body[name] == body[name] for name in same):
            return float(entry["at"])
        held = entry["kind"] == "command.Refused" and "kill switch" in str(left.commands[entry["command_id"]]["detail"])
        if held and _restores(left.commands[entry["command_id"]]) and entry["at"] > thrown["at"] + ALONE:
            return float(entry["at"])
    stated = body.get("ends_at")
    return float("inf") if stated is None else datetime.fromisoformat(stated).timestamp() * SECOND


_NEVER: dict[str, Callable[[Asked], bool]] = {
    "switch throw": lambda asked: asked.arguments["reach"] != "restoring",
    "switch release": lambda asked: asked.arguments["reach"] == "restoring",
    "application set": lambda asked: asked.arguments.get("active") is False,
    "operator set": lambda asked: asked.arguments.get("active") is False and asked.operator is not None,
    "approval reject": lambda asked: asked.operator is not None and asked.operator.second_factor,
    "command cancel": lambda asked: asked.operator is not None and asked.operator.second_factor,
    "change withdraw": lambda _asked: True,
    "policy set": lambda asked: (
        asked.arguments.keys() <= {"company", "second_person", "reason_required"} and all(asked.arguments.values())
    ),
    "keep-enabling start": lambda _asked: True,
    "notice add": lambda _asked: True,
    "clock accept": lambda _asked: True,
}
"""What one person may do at once, and which uses of an operation are that."""


def never_held_up(left: SimulationResult) -> Iterator[str]:
    """Such an operation was neither refused for lack of a second person nor delayed."""
    for asked in left.insiders.asked:
        if asked.operation not in _NEVER or not _NEVER[asked.operation](asked) or _is_too_low(asked):
            continue
        waits = asked.operation != "change withdraw" and (asked.answer or {}).get("proposed_by") is not None
        if asked.refused in _NOT_SO or waits:
            who = asked.operator.id if asked.operator else "the shell"
            yield f"{asked.operation} {asked.arguments} by {who} was {asked.refused or 'made to wait'}"


def _is_too_low(asked: Asked) -> bool:
    """Not by its role: some take an admin."""
    lowest = {"application set", "operator set", "policy set", "change withdraw"}
    return asked.operator is not None and asked.operator.role != "admin" and asked.operation in lowest
