"""Limits on disables by count and share of the fleet; exceeding one stops further disables until it is lifted."""

import math

import msgspec

from keyturn.admin.guards import guarded, reads
from keyturn.admin.operation import Answer, Arguments, Operation, Session
from keyturn.admin.references import APPLICATION, COMPANY, resolve
from keyturn.clock import after, iso_time
from keyturn.errors import OperationError
from keyturn.store.port import ReadTx, Tx
from keyturn.tenants.policies import Policy

HOUR, DAY = 3_600.0, 86_400.0
SEEN_WITHIN = 30 * DAY
"""Seconds since its last contact for which a vehicle counts as one of the fleet."""
WHOLE_COMPANY = ""

_STOPPED = """
SELECT 1 FROM limit_stop WHERE company_id = :company_id AND actor IN (:actor, '') AND lifted_at IS NULL
"""
_LIFTED_AT = "SELECT coalesce(max(lifted_at), 0) FROM limit_stop WHERE company_id = :company_id AND actor = :actor"
_STOP = """
INSERT INTO limit_stop (company_id, actor, cause, tripped_at) VALUES (:company_id, :actor, :cause, :now)
ON CONFLICT (company_id, actor) DO UPDATE SET cause = excluded.cause, tripped_at = excluded.tripped_at, lifted_at = NULL
WHERE limit_stop.lifted_at IS NOT NULL
"""
_COUNT = "INSERT INTO disable_count (command_id, company_id, actor, at) VALUES (:command_id, :company_id, :actor, :now)"
_OF_ACTOR = "SELECT count(*) FROM disable_count WHERE actor = :actor AND at > :since"
_OF_COMPANY = "SELECT count(*) FROM disable_count WHERE company_id = :company_id AND at > :since"
_IMMOBILISED = """
SELECT count(DISTINCT vehicle_id) FROM (
  SELECT vehicle_id FROM immobilisation WHERE company_id = :company_id AND state <> 'closed'
  UNION ALL
  SELECT vehicle_id FROM immobilisation WHERE company_id = :company_id AND held = 1
  UNION ALL
  SELECT o.vehicle_id FROM open_command o JOIN command c ON c.id = o.command_id
  WHERE o.name = 'disable_ignition' AND o.state IN ('AwaitingApproval', 'Queued') AND c.company_id = :company_id
) AS held WHERE vehicle_id <> :vehicle_id
"""
_FLEET = """
SELECT count(*) FROM (
  SELECT 1 FROM vehicle v JOIN vehicle_evidence e ON e.vehicle_id = v.id
  WHERE v.company_id = :company_id AND v.active = 1 AND e.seen_at > :since LIMIT :enough
) AS seen
"""
_LIST = """
SELECT c.name, coalesce(a.name, ''), s.cause, s.tripped_at
FROM limit_stop s JOIN company c ON c.id = s.company_id LEFT JOIN application a ON a.id = s.actor
WHERE s.lifted_at IS NULL ORDER BY s.tripped_at
"""
_LIFT = """
UPDATE limit_stop SET lifted_at = :now WHERE company_id = :company_id AND actor = :actor AND lifted_at IS NULL
"""
_DELETE_COUNTS = """
DELETE FROM disable_count WHERE command_id IN
  (SELECT command_id FROM disable_count WHERE at <= :before LIMIT :limit)
"""


class ExceededLimit(msgspec.Struct, frozen=True):
    """A limit that one more disable would exceed."""

    rule: str
    actor: str
    """The application that is stopped; empty: the whole company."""
    allowed: int
    counted: int


class LiftLimit(Arguments, frozen=True):
    company: str
    application: str | None = None


class ListLimits(Arguments, frozen=True):
    pass


def is_stopped(tx: ReadTx, company_id: str, actor: str) -> bool:
    """Whether an exceeded limit, not lifted yet, stops this application's disables."""
    return tx.one(_STOPPED, company_id=company_id, actor=actor) is not None


def exceeded(tx: ReadTx, policy: Policy, company_id: str, actor: str, vehicle_id: str) -> ExceededLimit | None:
    """The first limit that a disable of this vehicle, queued now, would exceed."""
    if allowed := policy.disables_per_actor_hour:
        counted = _by_actor(tx, company_id, actor)
        if counted >= allowed:
            return ExceededLimit("disables_per_actor_hour", actor, allowed, counted)
    if allowed := policy.disables_per_company_day:
        counted = _by_company(tx, company_id)
        if counted >= allowed:
            return ExceededLimit("disables_per_company_day", WHOLE_COMPANY, allowed, counted)
    if policy.fleet_share:
        counted = _number(tx, _IMMOBILISED, company_id=company_id, vehicle_id=vehicle_id)
        enough = math.ceil(
            (counted + 1) * 100 / policy.fleet_share
        )  # vehicles that allow one more; no need to count on
        fleet = _number(tx, _FLEET, company_id=company_id, since=after(tx.now, -SEEN_WITHIN), enough=enough)
        allowed = max(1, int(fleet * policy.fleet_share / 100))
        if counted >= allowed:
            return ExceededLimit("fleet_share", WHOLE_COMPANY, allowed, counted)
    return None


def remaining(tx: ReadTx, policy: Policy, company_id: str, actor: str) -> dict[str, int]:
    """The number of disables that each counted limit still allows, by rule."""
    counted = {
        "disables_per_actor_hour": (policy.disables_per_actor_hour, _by_actor(tx, company_id, actor)),
        "disables_per_company_day": (policy.disables_per_company_day, _by_company(tx, company_id)),
    }
    return {name: max(0, allowed - number) for name, (allowed, number) in counted.items() if allowed}


def record_disable(tx: Tx, company_id: str, actor: str, command_id: str) -> None:
    """Count a disable that is queued now."""
    tx.run(_COUNT, command_id=command_id, company_id=company_id, actor=actor, now=tx.now)


def stop_disables(tx: Tx, company_id: str, limit: ExceededLimit) -> bool:
    """Stop further disables until an operator lifts the limit; false: they were stopped already."""
    return tx.run(_STOP, company_id=company_id, actor=limit.actor, cause=limit.rule, now=tx.now) > 0


def delete_expired(tx: Tx, limit: int) -> int:
    """Delete up to `limit` counts that are older than every window; their number."""
    return tx.run(_DELETE_COUNTS, before=after(tx.now, -DAY), limit=limit)


def lift(session: Session, arguments: LiftLimit) -> Answer:
    company_id = resolve(session.tx, COMPANY, arguments.company)
    actor = WHOLE_COMPANY
    if arguments.application is not None:
        actor = resolve(session.tx, APPLICATION, arguments.application, arguments.company)
    if not session.tx.run(_LIFT, company_id=company_id, actor=actor, now=session.tx.now):
        raise OperationError("not_stopped", "No limit holds there.")
    session.record("limit.lifted", company_id, application=actor or None)
    return {"company": arguments.company, "application": arguments.application, "stopped": False}


def list_exceeded(session: Session, _arguments: ListLimits) -> Answer:
    return {
        "stops": [
            {"company": company, "application": application or None, "cause": cause, "at": iso_time(at)}
            for company, application, cause, at in session.tx.all(_LIST)
        ]
    }


def _by_actor(tx: ReadTx, company_id: str, actor: str) -> int:
    since = max(after(tx.now, -HOUR), _number(tx, _LIFTED_AT, company_id=company_id, actor=actor))
    return _number(tx, _OF_ACTOR, actor=actor, since=since)


def _by_company(tx: ReadTx, company_id: str) -> int:
    since = max(after(tx.now, -DAY), _number(tx, _LIFTED_AT, company_id=company_id, actor=WHOLE_COMPANY))
    return _number(tx, _OF_COMPANY, company_id=company_id, since=since)


def _number(tx: ReadTx, sql: str, **params: object) -> int:
    row = tx.one(sql, **params)
    return int(row[0]) if row else 0


OPERATIONS = (
    Operation("limit lift", LiftLimit, lift, role="admin", guard=guarded("Lets disables go on beyond a limit.")),
    Operation("limit list", ListLimits, list_exceeded, role="viewer", guard=reads()),
)
