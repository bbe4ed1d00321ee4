"""A company's policy: its own rules for `disable_ignition`, versioned and audited."""

from enum import Enum, auto
from typing import Annotated

import msgspec
from msgspec import Meta

from keyturn.admin.guards import depends, reads, when
from keyturn.admin.operation import Answer, Arguments, Operation, Session, changed_fields
from keyturn.admin.references import COMPANY, resolve
from keyturn.clock import iso_time
from keyturn.errors import OperationError
from keyturn.store.port import ReadTx

Disables = Annotated[int, Meta(ge=0, le=1_000_000)]
Percent = Annotated[float, Meta(ge=0.0, le=100.0)]
Minutes = Annotated[float, Meta(ge=0.0, le=43_200.0)]


class Policy(msgspec.Struct, frozen=True, omit_defaults=True):
    """The default adds nothing to the contract (docs/api.md). 0: no limit, or not required."""

    second_person: bool = False
    """An operator must approve what the caller has confirmed."""
    reason_required: bool = False
    disables_per_actor_hour: Disables = 0
    disables_per_company_day: Disables = 0
    fleet_share: Percent = 0.0
    """Share of the vehicles seen in the last 30 days that may be immobilised at once; one is always allowed."""
    locate_within: Minutes = 0.0
    """A position that is not older must be on record."""
    notify_first: bool = False
    """A notice to the end user, not older than a day, must be on record."""
    ignition_v2: bool = False
    """Both steps must be signed with version 2."""


DEFAULT = Policy()


class Stricter(Enum):
    """Which of two values of a rule is the stricter one."""

    TRUE = auto()
    LESS = auto()
    """The smaller number; 0 means unlimited."""
    MORE = auto()
    """The larger number."""


STRICTER: dict[str, Stricter] = {
    "second_person": Stricter.TRUE,
    "reason_required": Stricter.TRUE,
    "disables_per_actor_hour": Stricter.LESS,
    "disables_per_company_day": Stricter.LESS,
    "fleet_share": Stricter.LESS,
    "locate_within": Stricter.LESS,
    "notify_first": Stricter.TRUE,
    "ignition_v2": Stricter.TRUE,
}
"""By rule; declared, never derived from the type of the value."""

_NEWEST = "SELECT version, rules FROM policy WHERE company_id = :company_id ORDER BY version DESC LIMIT 1"
_INSERT = """
INSERT INTO policy (company_id, version, rules, made_by, made_at)
VALUES (:company_id, :version, :rules, :made_by, :now)
"""
_HISTORY = """
SELECT version, rules, made_by, made_at FROM policy WHERE company_id = :company_id ORDER BY version DESC
"""
_RULES = msgspec.json.Decoder(Policy)
_FIELDS = Policy.__struct_fields__


class ShowPolicy(Arguments, frozen=True):
    company: str


class SetPolicy(Arguments, frozen=True):
    company: str
    second_person: bool | None = None
    reason_required: bool | None = None
    disables_per_actor_hour: Disables | None = None
    disables_per_company_day: Disables | None = None
    fleet_share: Percent | None = None
    locate_within: Minutes | None = None
    notify_first: bool | None = None
    ignition_v2: bool | None = None


def load(tx: ReadTx, company_id: str) -> Policy:
    """The policy in force."""
    return _newest(tx, company_id)[1]


def is_less_strict(after: Policy, before: Policy) -> bool:
    """Whether `after` allows anything that `before` does not."""
    return any(is_value_less_strict(STRICTER[name], getattr(after, name), getattr(before, name)) for name in _FIELDS)


def is_value_less_strict(stricter: Stricter, after: float, before: float) -> bool:
    """Whether a value of this kind of rule is less strict after the change than before."""
    if stricter is not Stricter.LESS:
        return after < before
    if not before:
        return False
    return not after or after > before


def show(session: Session, arguments: ShowPolicy) -> Answer:
    company_id = resolve(session.tx, COMPANY, arguments.company)
    version, policy = _newest(session.tx, company_id)
    versions = [
        {"version": number, "made_by": actor, "made_at": iso_time(at), **_as_dict(_RULES.decode(rules))}
        for number, rules, actor, at in session.tx.all(_HISTORY, company_id=company_id)
    ]
    return {"company": arguments.company, "version": version, **_as_dict(policy), "history": versions}


def change(session: Session, arguments: SetPolicy) -> Answer:
    company_id = resolve(session.tx, COMPANY, arguments.company)
    version, before = _newest(session.tx, company_id)
    after = _changed(before, arguments)
    if after == before:
        raise OperationError("nothing_to_change", "The policy is as asked for already.")
    session.tx.run(
        _INSERT,
        company_id=company_id,
        version=version + 1,
        rules=msgspec.json.encode(after).decode(),
        made_by=session.actor,
        now=session.tx.now,
    )
    kind = "policy.loosened" if is_less_strict(after, before) else "policy.tightened"
    session.record(kind, company_id, version=version + 1, before=_as_dict(before), after=_as_dict(after))
    return {"company": arguments.company, "version": version + 1, **_as_dict(after)}


def relaxes_safeguard(session: Session, arguments: SetPolicy) -> bool:
    """Whether the change would allow more than the policy in force."""
    before = load(session.tx, resolve(session.tx, COMPANY, arguments.company))
    return is_less_strict(_changed(before, arguments), before)


def _newest(tx: ReadTx, company_id: str) -> tuple[int, Policy]:
    row = tx.one(_NEWEST, company_id=company_id)
    return (row[0], _RULES.decode(row[1])) if row else (0, DEFAULT)


def _changed(before: Policy, arguments: SetPolicy) -> Policy:
    return msgspec.structs.replace(before, **changed_fields(arguments, *_FIELDS))


def _as_dict(policy: Policy) -> dict[str, object]:
    return msgspec.structs.asdict(policy)


OPERATIONS = (
    Operation("policy show", ShowPolicy, show, role="viewer", guard=reads()),
    Operation(
        "policy set",
        SetPolicy,
        change,
        role="admin",
        guard=depends(when(relaxes_safeguard), "Allows what a rule forbade.", "It tightens."),
    ),
)
