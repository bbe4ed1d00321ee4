"""Checks 8 to 10 (docs/api.md): permissions, then the rules of the company and of the installation.

The rules are a table of data, `RULES`; `violations` evaluates it purely, on what `load_policy_input` reads.
"""

from collections.abc import Callable, Iterator
from enum import Enum, auto
from functools import lru_cache

import msgspec

from keyturn.audit import journal
from keyturn.clock import after, seconds_between
from keyturn.commands.model.catalogue import (
    COMMANDS,
    DISABLE,
    ENABLE,
    IMMOBILISABLE_OWNERSHIP,
    START,
    CommandSpec,
    Kind,
)
from keyturn.commands.model.record import Command
from keyturn.commands.preconditions.context import reported_disabled
from keyturn.connectors.port import Capabilities
from keyturn.enumeration import direct_members
from keyturn.errors import BlockedByPolicy, CommandNotFound, Refusal, VinNotFound
from keyturn.fleet import evidence, immobilisation
from keyturn.fleet.vehicles import Vehicle
from keyturn.store.port import ReadTx, Tx
from keyturn.tenants import kill_switches, limits, policies
from keyturn.tenants.policies import DEFAULT, Policy

KILL_SWITCH = "stopped by a kill switch"
IMMOBILISED = "vehicle is immobilised"
NO_CONSENT = "no consent of the end user on record"
LIMIT_REACHED = "limit of disables reached"
NOT_LOCATED = "no recent position on record"
NOT_NOTIFIED = "no notice to the end user on record"
REASON_REQUIRED = "reason required"
NOT_APPROVED = "approval required"
NO_LONGER_PERMITTED = "no longer permitted"

_NOTICE_VALID_FOR = 86_400.0
"""Seconds."""
_ALLOWED_REASONS = ("missing", "suspicion of theft or robbery", "unauthorised use")
"""The situations in which the original API contract allows an immobilisation."""
_MINUTE = 60.0
_NAMES = msgspec.json.Decoder(frozenset[str])
_GRANTS = """
SELECT a.grants FROM application a JOIN company c ON c.id = a.company_id
WHERE a.id = ?1 AND a.company_id = ?2 AND a.active = 1 AND c.active = 1
"""


@direct_members
class Stage(Enum):
    """When the rules are evaluated."""

    ASK = auto()
    """Step one of a two-step command."""
    QUEUE = auto()
    """The command takes its position in the lane."""
    APPROVE = auto()
    SEND = auto()


def check_permission(
    tx: ReadTx, vehicle: Vehicle, command: str, grants: frozenset[str], capabilities: Capabilities | None
) -> Refusal | None:
    """The first of checks 8 and 9 that fails; the vehicle is known to be the company's own. None: both pass."""
    must_restore = command == ENABLE and bool(immobilisation.unfinished(tx, vehicle.id))
    if command == DISABLE and vehicle.ownership not in IMMOBILISABLE_OWNERSHIP:
        return VinNotFound()
    planned = command in vehicle.plan or must_restore
    if command in COMMANDS and vehicle.offers(command, capabilities) and planned and command in grants:
        return None
    return CommandNotFound()


def current_grants(tx: ReadTx, company_id: str, application_id: str) -> frozenset[str]:
    """The application's grants by the store; none while it or its company is disabled."""
    row = tx.one(_GRANTS, application_id, company_id)
    return _names(row[0]) if row else frozenset()


@lru_cache(maxsize=1024)
def _names(text: str) -> frozenset[str]:
    return _NAMES.decode(text)


class PolicyInput(msgspec.Struct, frozen=True):
    """The input of the rules, read in one transaction."""

    spec: CommandSpec
    now: int
    reaches: frozenset[str] = frozenset()
    """Reaches of the kill switches that are active over the vehicle."""
    doubted: bool = False
    """The vehicle may be another car: its external id is shared, or its OEM gives another VIN."""
    consent: bool = True
    immobilised: bool = False
    policy: Policy = DEFAULT
    stopped: bool = False
    """A limit on disables was exceeded and not lifted."""
    located_at: int | None = None
    notified_at: int | None = None
    reason: str | None = None
    approved: bool = False


class Rule(msgspec.Struct, frozen=True):
    """One row of the table: `violated` says whether it forbids the command, for `reason`."""

    reason: str
    violated: Callable[[PolicyInput], bool]
    stages: frozenset[Stage] = frozenset(Stage)
    """When it is evaluated."""
    command: str | None = None
    """The only one that it is about; None: all."""


_REACHED_BY = {
    Kind.READ: frozenset[str](),
    Kind.ACTUATING: frozenset({"actuating"}),
    Kind.RESTORING: frozenset({"restoring"}),
}


def _switched_off(facts: PolicyInput) -> bool:
    reached = _REACHED_BY[facts.spec.kind] | ({"disable"} if facts.spec.name == DISABLE else frozenset())
    return bool(facts.reaches & reached)


def _not_located(facts: PolicyInput) -> bool:
    within = facts.policy.locate_within * _MINUTE
    return bool(within) and (facts.located_at is None or seconds_between(facts.located_at, facts.now) > within)


def _not_notified(facts: PolicyInput) -> bool:
    is_notified = facts.notified_at is not None and facts.now <= after(facts.notified_at, _NOTICE_VALID_FOR)
    return facts.policy.notify_first and not is_notified


def _no_reason(facts: PolicyInput) -> bool:
    """None of the allowed situations is given; free text may follow one after a semicolon."""
    situation = (facts.reason or "").partition(";")[0].strip().lower()
    return facts.policy.reason_required and situation not in _ALLOWED_REASONS


RULES = (
    Rule(KILL_SWITCH, _switched_off),
    Rule(NO_LONGER_PERMITTED, lambda facts: facts.spec.kind is Kind.ACTUATING and facts.doubted),
    Rule(NO_CONSENT, lambda facts: not facts.consent, command=DISABLE),
    Rule(IMMOBILISED, lambda facts: facts.immobilised, command=START),
    Rule(LIMIT_REACHED, lambda facts: facts.stopped, frozenset({Stage.ASK, Stage.QUEUE}), DISABLE),
    Rule(NOT_LOCATED, _not_located, command=DISABLE),
    Rule(NOT_NOTIFIED, _not_notified, command=DISABLE),
    Rule(REASON_REQUIRED, _no_reason, frozenset({Stage.QUEUE}), DISABLE),
    Rule(
        NOT_APPROVED, lambda facts: facts.policy.second_person and not facts.approved, frozenset({Stage.SEND}), DISABLE
    ),
)
"""In the order of their precedence: the first violation is the refusal's reason."""
_RULES_OF = {
    (stage, command): tuple(rule for rule in RULES if stage in rule.stages and rule.command in (None, command))
    for stage in Stage
    for command in COMMANDS
}


def violations(facts: PolicyInput, stage: Stage) -> Iterator[str]:
    """The reasons of all violated rules."""
    return (rule.reason for rule in _RULES_OF[stage, facts.spec.name] if rule.violated(facts))


def first_violation(facts: PolicyInput, stage: Stage) -> str | None:
    """The reason of the first violated rule; None: the command is allowed."""
    return next(violations(facts, stage), None)


def load_policy_input(
    tx: ReadTx, vehicle: Vehicle, spec: CommandSpec, actor: str, *, reason: str | None = None, approved: bool = False
) -> PolicyInput:
    """What the rules need for this command of the actor; what no rule of the command looks at is not read."""
    if spec.is_read:
        return PolicyInput(spec, tx.now)
    reaches, doubted = (
        kill_switches.active_reaches(tx, vehicle.company_id, vehicle.account_id),
        vehicle.doubt is not None,
    )
    if spec.name == START:
        on_record = bool(immobilisation.unfinished(tx, vehicle.id))
        immobilised = on_record or reported_disabled(evidence.load(tx, vehicle.id))
        return PolicyInput(spec, tx.now, reaches, doubted, immobilised=immobilised)
    if spec.name != DISABLE:
        return PolicyInput(spec, tx.now, reaches, doubted)
    policy = policies.load(tx, vehicle.company_id)
    return PolicyInput(
        spec=spec,
        now=tx.now,
        reaches=reaches,
        doubted=doubted,
        consent=vehicle.consented(actor, tx.now),
        policy=policy,
        stopped=limits.is_stopped(tx, vehicle.company_id, actor),
        located_at=_located_at(tx, vehicle.id) if policy.locate_within else None,
        notified_at=_notified_at(tx, vehicle.id) if policy.notify_first else None,
        reason=reason,
        approved=approved,
    )


def revoked_reason(
    tx: ReadTx,
    vehicle: Vehicle | None,
    command: Command,
    capabilities: Capabilities | None,
    stage: Stage,
    facts: PolicyInput | None = None,
) -> str | None:
    """Why a registered command may not go on. Restoring commands are stopped only by a kill switch.

    `facts` are those of `load_policy_input` where this transaction has read them.
    """
    if vehicle is None:
        return NO_LONGER_PERMITTED
    spec = command.spec
    if not spec.is_restoring:
        if command.external_id is not None and (command.account_id, command.external_id) != vehicle.aim:
            return NO_LONGER_PERMITTED
        grants = current_grants(tx, vehicle.company_id, command.actor)
        if check_permission(tx, vehicle, spec.name, grants, capabilities):
            return NO_LONGER_PERMITTED
    approved = command.approved_by is not None
    facts = facts or load_policy_input(tx, vehicle, spec, command.actor, reason=command.reason, approved=approved)
    return first_violation(facts, stage)


def enforce_limits(tx: Tx, policy: Policy, actor: str, vehicle: Vehicle) -> None:
    """Refuse a disable beyond a limit, and all after it until an operator lifts that. Raises `BlockedByPolicy`."""
    exceeded = limits.exceeded(tx, policy, vehicle.company_id, actor, vehicle.id)
    if exceeded is None:
        return
    if limits.stop_disables(tx, vehicle.company_id, exceeded):
        journal.record(
            tx,
            "limit.tripped",
            company_id=vehicle.company_id,
            actor=actor,
            vehicle_id=vehicle.id,
            vin=vehicle.vin,
            rule=exceeded.rule,
            allowed=exceeded.allowed,
            counted=exceeded.counted,
        )
    raise BlockedByPolicy(LIMIT_REACHED)


def _located_at(tx: ReadTx, vehicle_id: str) -> int | None:
    position = evidence.load(tx, vehicle_id).expected.position
    return position.at if position else None


def _notified_at(tx: ReadTx, vehicle_id: str) -> int | None:
    notice = immobilisation.newest_notice(tx, vehicle_id)
    return notice.at if notice else None
