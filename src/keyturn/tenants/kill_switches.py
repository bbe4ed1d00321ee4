"""Kill switches: stop commands at once for the installation, a company, or an OEM account.

One over restoring commands keeps vehicles immobilised; so a second admin approves it, and it ends by itself.
"""

from typing import Literal

from keyturn.admin import authorization
from keyturn.admin.guards import Need, depends, reads
from keyturn.admin.operation import Answer, Arguments, Operation, Session
from keyturn.admin.references import ACCOUNT, COMPANY, resolve
from keyturn.audit import journal
from keyturn.clock import after, iso_time, iso_time_or_none
from keyturn.errors import OperationError
from keyturn.store.port import ReadTx, Tx

Reach = Literal["disable", "actuating", "restoring"]
"""``disable``: disable_ignition. ``actuating``: commands that act, not restoring ones. ``restoring``: these too."""

APPROVED_DURATION, UNAPPROVED_DURATION = 3_600.0, 600.0
"""Seconds after which a switch over restoring commands ends: with the approval of a second admin, and without."""
COOLDOWN = 3_600.0
"""Seconds after an unapproved one for which another one over any of the same vehicles needs an approval."""
RESTORING = "restoring"
_ENGINE = "engine"

# Three look-ups: for one with OR, SQLite makes a temporary table each time.
_OVER = """
SELECT reach FROM kill_switch
WHERE scope = 'installation' AND scope_id = '' AND (ends_at IS NULL OR ends_at > ?3)
UNION ALL
SELECT reach FROM kill_switch WHERE scope = 'company' AND scope_id = ?1 AND (ends_at IS NULL OR ends_at > ?3)
UNION ALL
SELECT reach FROM kill_switch WHERE scope = 'account' AND scope_id = ?2 AND (ends_at IS NULL OR ends_at > ?3)
"""
_ACTIVATE = """
INSERT INTO kill_switch (scope, scope_id, reach, reason, thrown_by, thrown_at, approved_by, ends_at)
VALUES (:scope, :scope_id, :reach, :reason, :actor, :now, :approved_by, :ends_at)
ON CONFLICT (scope, scope_id, reach) DO NOTHING
"""
_DEACTIVATE = "DELETE FROM kill_switch WHERE scope = :scope AND scope_id = :scope_id AND reach = :reach"
_LIST = """
SELECT k.scope, coalesce(c.name, a.name, ''), k.reach, k.reason, k.thrown_by, k.thrown_at, k.approved_by, k.ends_at
FROM kill_switch k
LEFT JOIN company c ON k.scope = 'company' AND c.id = k.scope_id
LEFT JOIN oem_account a ON k.scope = 'account' AND a.id = k.scope_id
WHERE k.ends_at IS NULL OR k.ends_at > :now
ORDER BY k.thrown_at
"""
_DUE = """
SELECT k.scope, k.scope_id, k.reach, coalesce(a.company_id, CASE k.scope WHEN 'company' THEN k.scope_id END)
FROM kill_switch k LEFT JOIN oem_account a ON k.scope = 'account' AND a.id = k.scope_id
WHERE k.ends_at <= :now
"""
_COOLING_DOWN = """
SELECT 1 FROM restoring_held
WHERE until > :since
  AND (scope = 'installation' OR :scope = 'installation'
       OR (company_id = :company_id AND (scope = 'company' OR :scope = 'company' OR scope_id = :scope_id)))
"""
_START_COOLDOWN = """
INSERT INTO restoring_held (scope, scope_id, company_id, until) VALUES (:scope, :scope_id, :company_id, :until)
ON CONFLICT (scope, scope_id) DO UPDATE SET until = excluded.until
"""
_END_COOLDOWN = "UPDATE restoring_held SET until = :now WHERE scope = :scope AND scope_id = :scope_id AND until > :now"
_COMPANY_OF_ACCOUNT = "SELECT company_id FROM oem_account WHERE id = :id"


class _Scope(Arguments, frozen=True):
    """Neither company nor account: the whole installation."""

    reach: Reach
    company: str | None = None
    account: str | None = None


class ActivateKillSwitch(_Scope, frozen=True, kw_only=True):
    reason: str


class DeactivateKillSwitch(_Scope, frozen=True):
    pass


class ListSwitches(Arguments, frozen=True):
    pass


def active_reaches(tx: ReadTx, company_id: str, account_id: str) -> frozenset[str]:
    """Reaches of the active switches over a vehicle of this company and account."""
    rows = tx.all(_OVER, company_id, account_id, tx.now)
    return frozenset(reach for (reach,) in rows)


def activate(session: Session, arguments: ActivateKillSwitch) -> Answer:
    tx, (scope, scope_id, company_id) = session.tx, _scope(session.tx, arguments)
    where = {"scope": scope, "scope_id": scope_id, "reach": arguments.reach}
    reason, ends_at = _reason(arguments), None
    end_due(tx)
    if arguments.reach == RESTORING:
        ends_at = after(tx.now, UNAPPROVED_DURATION if session.approved_by is None else APPROVED_DURATION)
        if session.approved_by is None:
            _refuse_again(tx, scope, scope_id, company_id)
    columns = {"reason": reason, "approved_by": session.approved_by}
    if not tx.run(_ACTIVATE, **where, **columns, ends_at=ends_at, actor=session.actor, now=tx.now):
        raise OperationError("already_thrown", "That switch is thrown already.")
    if ends_at is not None and session.approved_by is None:
        tx.run(_START_COOLDOWN, scope=scope, scope_id=scope_id, company_id=company_id, until=ends_at)
    ends = {} if ends_at is None else {"ends_at": iso_time(ends_at), "approved_by": session.approved_by}
    session.record("switch.activated", company_id, reason=reason, **where, **ends)
    return {"thrown": True, **where, "reason": reason, "ends_at": iso_time_or_none(ends_at)}


def deactivate(session: Session, arguments: DeactivateKillSwitch) -> Answer:
    """Any operator within reach may deactivate one over restoring commands; others need an admin."""
    operator, (scope, scope_id, company_id) = session.operator, _scope(session.tx, arguments)
    if arguments.reach != RESTORING and operator is not None and not operator.ranks("admin"):
        raise authorization.role_required("admin")
    where = {"scope": scope, "scope_id": scope_id, "reach": arguments.reach}
    end_due(session.tx)
    if not session.tx.run(_DEACTIVATE, **where):
        raise OperationError("not_thrown", "That switch is not thrown.")
    if arguments.reach == RESTORING:
        session.tx.run(_END_COOLDOWN, scope=scope, scope_id=scope_id, now=session.tx.now)
    session.record("switch.deactivated", company_id, **where)
    return {"thrown": False, **where}


def list_active(session: Session, _arguments: ListSwitches) -> Answer:
    names = ("scope", "name", "reach", "reason", "by", "at", "approved_by", "ends_at")
    rows = [dict(zip(names, row, strict=True)) for row in session.tx.all(_LIST, now=session.tx.now)]
    return {
        "switches": [row | {"at": iso_time(row["at"]), "ends_at": iso_time_or_none(row["ends_at"])} for row in rows]
    }


def is_due(tx: ReadTx) -> bool:
    """Whether a switch has ended and that is not recorded yet."""
    return bool(tx.all(_DUE, now=tx.now))


def end_due(tx: Tx) -> None:
    """Record the end of each switch whose time is over; it stops nothing from that time on, recorded or not."""
    for scope, scope_id, reach, company_id in tx.all(_DUE, now=tx.now):
        where = {"scope": scope, "scope_id": scope_id, "reach": reach}
        tx.run(_DEACTIVATE, **where)
        journal.record(tx, "switch.ended", company_id=company_id, actor=_ENGINE, **where)


def _refuse_again(tx: ReadTx, scope: str, scope_id: str, company_id: str | None) -> None:
    """Repeated unapproved switches would be one without an end. Raises `OperationError` during the cooldown."""
    cooling_down = tx.one(
        _COOLING_DOWN, since=after(tx.now, -COOLDOWN), scope=scope, scope_id=scope_id, company_id=company_id
    )
    if cooling_down is not None:
        raise OperationError(
            "held_lately",
            "Restoring commands of these vehicles were held back within the last hour; now it takes a second admin.",
        )


def _reason(arguments: ActivateKillSwitch) -> str:
    reason = arguments.reason.strip()
    if not reason or len(reason) > 500:
        raise OperationError("invalid_reason", "The reason must have 1 to 500 characters.")
    return reason


def _need_to_activate(_session: Session, arguments: ActivateKillSwitch) -> Need:
    _reason(arguments)
    return Need.CHANGE if arguments.reach == RESTORING else Need.NOTHING


def _need_to_deactivate(_session: Session, arguments: DeactivateKillSwitch) -> Need:
    return Need.NOTHING if arguments.reach == RESTORING else Need.CHANGE


def _scope(tx: ReadTx, arguments: _Scope) -> tuple[str, str, str | None]:
    """Scope, its id, and the company in whose audit chain it is recorded; None: the installation's."""
    if arguments.account is not None:
        account_id = resolve(tx, ACCOUNT, arguments.account, arguments.company)
        row = tx.one(_COMPANY_OF_ACCOUNT, id=account_id)
        return "account", account_id, row[0] if row else None
    if arguments.company is not None:
        company_id = resolve(tx, COMPANY, arguments.company)
        return "company", company_id, company_id
    return "installation", "", None


OPERATIONS = (
    Operation(
        "switch throw",
        ActivateKillSwitch,
        activate,
        role="approver",
        guard=depends(
            _need_to_activate,
            "Over restoring commands: immobilised vehicles stay immobilised, whatever their end users need.",
            "Over acting commands: it protects vehicles; an operator who sees an attack must not have to wait.",
        ),
    ),
    Operation(
        "switch release",
        DeactivateKillSwitch,
        deactivate,
        role="approver",
        guard=depends(
            _need_to_deactivate,
            "Over acting commands: it allows what another operator stopped.",
            "Over restoring commands: one person must be able to allow enabling.",
        ),
    ),
    Operation("switch list", ListSwitches, list_active, role="viewer", guard=reads()),
)
