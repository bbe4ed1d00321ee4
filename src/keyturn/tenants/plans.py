"""Operations on subscription plans: the commands that are bought for a vehicle."""

import uuid

import msgspec

from keyturn.admin.guards import Need, depends, reads, signed_in, when
from keyturn.admin.operation import Answer, Arguments, Operation, Session, changed_fields
from keyturn.admin.pinned_references import refuse_renaming
from keyturn.admin.references import PLAN, checked_members, checked_name, name_taken, resolve
from keyturn.clock import iso_time
from keyturn.store.port import ReadTx, Row

_ADD = """
INSERT INTO plan (id, name, commands, created_at) VALUES (:id, :name, :commands, :now) ON CONFLICT (name) DO NOTHING
"""
_LIST = "SELECT id, name, commands, created_at FROM plan ORDER BY name"
_SHOW = "SELECT id, name, commands, created_at FROM plan WHERE id = :id"
_NAME_OF_ANOTHER = "SELECT 1 FROM plan WHERE name = :name AND id <> :id"
_SET = "UPDATE plan SET name = coalesce(:name, name), commands = coalesce(:commands, commands) WHERE id = :id"


class AddPlan(Arguments, frozen=True):
    name: str
    commands: tuple[str, ...]


class ListPlans(Arguments, frozen=True):
    pass


class ShowPlan(Arguments, frozen=True):
    plan: str


class SetPlan(Arguments, frozen=True):
    plan: str
    name: str | None = None
    commands: tuple[str, ...] | None = None


def add(session: Session, arguments: AddPlan) -> Answer:
    name = checked_name("plan", arguments.name)
    commands = checked_members("command", arguments.commands, session.installation.commands)
    plan_id = str(uuid.uuid4())
    if not session.tx.run(_ADD, id=plan_id, name=name, commands=_json(commands), now=session.tx.now):
        raise name_taken("plan", name)
    session.record("plan.added", None, plan_id=plan_id, name=name, commands=commands)
    return _view_by_id(session.tx, plan_id)


def list_all(session: Session, _: ListPlans) -> Answer:
    return {"plans": [_view(row) for row in session.tx.all(_LIST)]}


def show(session: Session, arguments: ShowPlan) -> Answer:
    return _view_by_id(session.tx, resolve(session.tx, PLAN, arguments.plan))


def change(session: Session, arguments: SetPlan) -> Answer:
    plan_id = resolve(session.tx, PLAN, arguments.plan)
    changes = changed_fields(arguments, "name", "commands")
    name = changes.get("name")
    if name is not None and session.tx.one(_NAME_OF_ANOTHER, name=checked_name("plan", name), id=plan_id):
        raise name_taken("plan", name)
    if name not in (None, _view_by_id(session.tx, plan_id)["name"]):
        refuse_renaming(session.tx, plan_id, "plan")
    if "commands" in changes:
        changes["commands"] = checked_members("command", changes["commands"], session.installation.commands)
    commands = _json(changes["commands"]) if "commands" in changes else None
    session.tx.run(_SET, id=plan_id, name=name, commands=commands)
    session.record("plan.changed", None, plan_id=plan_id, **changes)
    return _view_by_id(session.tx, plan_id)


def _adds_commands(session: Session, arguments: SetPlan) -> bool:
    before = _view_by_id(session.tx, resolve(session.tx, PLAN, arguments.plan))
    return bool(set(arguments.commands or ()) - set(before["commands"]))


def _json(commands: list[str]) -> str:
    return msgspec.json.encode(commands).decode()


def _view_by_id(tx: ReadTx, plan_id: str) -> Answer:
    (row,) = tx.all(_SHOW, id=plan_id)
    return _view(row)


def _view(row: Row) -> Answer:
    plan_id, name, commands, created_at = row
    return {"id": plan_id, "name": name, "commands": msgspec.json.decode(commands), "created_at": iso_time(created_at)}


OPERATIONS = (
    Operation(
        "plan add",
        AddPlan,
        add,
        role="admin",
        guard=signed_in("Offers commands.", "No vehicle has it until one is given it, which is guarded."),
    ),
    Operation("plan list", ListPlans, list_all, shared=True, guard=reads()),
    Operation("plan show", ShowPlan, show, shared=True, guard=reads()),
    Operation(
        "plan set",
        SetPlan,
        change,
        role="admin",
        guard=depends(
            when(_adds_commands, Need.SIGN_IN),
            "Offers more commands for every vehicle that has it.",
            "It removes commands, never the enabling of an immobilised vehicle; or renames what no open change names.",
        ),
    ),
)
