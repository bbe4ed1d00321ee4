"""Row 10: what a rule of the company or the installation forbids now. A table, and one pure function over it.

Rows 8 and 9 of the contract: who may do what to which vehicle, and whether that has turned since.
"""

from collections.abc import Callable, Iterator
from enum import Enum, auto

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
from keyturn.errors import BlockedByPolicy, CommandNotFound, Refusal, VinNotFound
from keyturn.fleet import evidence, immobilisation, notices
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
"""Seconds for which a notice to the end user counts."""
_LAWFUL_REASONS = ("missing", "suspicion of theft or robbery", "unauthorised use")
"""The situations in which the seeds allow an immobilisation."""
_MINUTE = 60.0


class Stage(Enum):
    """When a command is judged."""

    ASK = auto()
    """The request, before its code is looked at."""
    QUEUE = auto()
    """It takes its place."""
    APPROVE = auto()
    SEND = auto()


class PolicyInput(msgspec.Struct, frozen=True):
    """All that the rules look at, read in one transaction."""

    spec: CommandSpec
    now: int
    reaches: frozenset[str] = frozenset()
    """How far the kill switches reach that are thrown over the vehicle."""
    doubted: bool = False
    """The vehicle may be another car: its external id is another's too, or its OEM tells another VIN."""
    consent: bool = True
    immobilised: bool = False
    policy: Policy = DEFAULT
    stopped: bool = False
    """A limit on disables was crossed and not lifted."""
    located_at: int | None = None
    notified_at: int | None = None
    reason: str | None = None
    approved: bool = False


class Rule(msgspec.Struct, frozen=True):
    reason: str
    violated: Callable[[PolicyInput], bool]
    stages: frozenset[Stage] = frozenset(Stage)
    """Moments at which it is judged."""


_REACHED_BY = {
    Kind.READ: frozenset[str](),
    Kind.ACTUATING: frozenset({"actuating"}),
    Kind.RESTORING: frozenset({"restoring"}),
}


def _switched_off(facts: PolicyInput) -> bool:
    reached = _REACHED_BY[facts.spec.kind] | ({"disable"} if facts.spec.name == DISABLE else frozenset())
    return bool(facts.reaches & reached)


def _of_disable(stands: Callable[[PolicyInput], bool]) -> Callable[[PolicyInput], bool]:
    return lambda facts: facts.spec.name == DISABLE and stands(facts)


def _not_located(facts: PolicyInput) -> bool:
    within = facts.policy.locate_within * _MINUTE
    return bool(within) and (facts.located_at is None or seconds_between(facts.located_at, facts.now) > within)


def _not_notified(facts: PolicyInput) -> bool:
    if not facts.policy.notify_first:
        return False
    return facts.notified_at is None or facts.now > after(facts.notified_at, _NOTICE_VALID_FOR)


def _no_reason(facts: PolicyInput) -> bool:
    """One of the seeds' situations, and what else there is to say after a semicolon."""
    said = (facts.reason or "").partition(";")[0].strip().lower()
    return facts.policy.reason_required and said not in _LAWFUL_REASONS


RULES = (
    Rule(KILL_SWITCH, _switched_off),
    Rule(NO_LONGER_PERMITTED, lambda facts: facts.spec.kind is Kind.ACTUATING and facts.doubted),
    Rule(NO_CONSENT, _of_disable(lambda facts: not facts.consent)),
    Rule(IMMOBILISED, lambda facts: facts.spec.name == START and facts.immobilised),
    Rule(LIMIT_REACHED, _of_disable(lambda facts: facts.stopped), frozenset({Stage.ASK, Stage.QUEUE})),
    Rule(NOT_LOCATED, _of_disable(_not_located)),
    Rule(NOT_NOTIFIED, _of_disable(_not_notified)),
    Rule(REASON_REQUIRED, _of_disable(_no_reason), frozenset({Stage.QUEUE})),
    Rule(
        NOT_APPROVED,
        _of_disable(lambda facts: facts.policy.second_person and not facts.approved),
        frozenset({Stage.SEND}),
    ),
)
"""In the order in which they are told."""
_RULES_AT = {moment: tuple(rule for rule in RULES if moment in rule.stages) for moment in Stage}


def violations(facts: PolicyInput, moment: Stage) -> Iterator[str]:
    """The reasons of all rules that stand."""
    return (rule.reason for rule in _RULES_AT[moment] if rule.violated(facts))


def first_violation(facts: PolicyInput, moment: Stage) -> str | None:
    """The reason of the first rule that stands; None: nothing does."""
    return next(violations(facts, moment), None)


def load_policy_input(
    tx: ReadTx, vehicle: Vehicle, spec: CommandSpec, actor: str, *, reason: str | None = None, approved: bool = False
) -> PolicyInput:
    """What the rules look at for this command of the actor's, as far as any of them could stand."""
    if spec.is_read:
        return PolicyInput(spec, tx.now)
    reaches, doubted = kill_switches.reaches_over(tx, vehicle.company_id, vehicle.account_id), vehicle.doubt is not None
    if spec.name == START:
        return PolicyInput(spec, tx.now, reaches, doubted, immobilised=_immobilised(tx, vehicle.id))
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


def enforce_limits(tx: Tx, policy: Policy, actor: str, vehicle: Vehicle) -> None:
    """One disable too many is refused and stops those after it until an operator lifts it. Raises `BlockedByPolicy`."""
    crossing = limits.exceeded(tx, policy, vehicle.company_id, actor, vehicle.id)
    if crossing is None:
        return
    if limits.stop(tx, vehicle.company_id, crossing):
        journal.record(
            tx,
            "limit.tripped",
            company_id=vehicle.company_id,
            actor=actor,
            vehicle_id=vehicle.id,
            vin=vehicle.vin,
            rule=crossing.rule,
            allowed=crossing.allowed,
            counted=crossing.counted,
        )
    raise BlockedByPolicy(LIMIT_REACHED)


def _immobilised(tx: ReadTx, vehicle_id: str) -> bool:
    if immobilisation.unfinished(tx, vehicle_id):
        return True
    return reported_disabled(evidence.load(tx, vehicle_id))


def _located_at(tx: ReadTx, vehicle_id: str) -> int | None:
    position = evidence.load(tx, vehicle_id).track.position
    return position.at if position else None


def _notified_at(tx: ReadTx, vehicle_id: str) -> int | None:
    notice = notices.newest(tx, vehicle_id)
    return notice.at if notice else None


_NAMES = msgspec.json.Decoder(frozenset[str])
_GRANTS = """
SELECT a.grants FROM application a JOIN company c ON c.id = a.company_id
WHERE a.id = :application_id AND a.company_id = :company_id AND a.active = 1 AND c.active = 1
"""


def check_permission(
    tx: ReadTx, vehicle: Vehicle, command: str, grants: frozenset[str], capabilities: Capabilities | None
) -> Refusal | None:
    """The first of rows 8 and 9 that stands against the command, with the vehicle being the company's own."""
    held = command == ENABLE and bool(immobilisation.unfinished(tx, vehicle.id))
    if command == DISABLE and vehicle.ownership not in IMMOBILISABLE_OWNERSHIP:
        return VinNotFound()
    planned = command in vehicle.plan or held
    if command in COMMANDS and vehicle.offers(command, capabilities) and planned and command in grants:
        return None
    return CommandNotFound()


def revoked_reason(
    tx: ReadTx, vehicle: Vehicle | None, command: Command, capabilities: Capabilities | None, moment: Stage
) -> str | None:
    """The reason for which a registered command may not go on. Against a restoring one nothing turns but a switch."""
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
    return first_violation(
        load_policy_input(tx, vehicle, spec, command.actor, reason=command.reason, approved=approved), moment
    )


def current_grants(tx: ReadTx, company_id: str, application_id: str) -> frozenset[str]:
    """What the application may do now, by the store; nothing when it or its company is disabled."""
    row = tx.one(_GRANTS, application_id=application_id, company_id=company_id)
    return _NAMES.decode(row[0]) if row else frozenset()
