"""Kill switches: what is stopped at once, for the installation, a company, or an OEM account.

One that stops what restores keeps immobilised vehicles where they are: it takes two, and ends by itself.
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
"""``disable``: disable_ignition. ``actuating``: everything that acts, except what restores. ``restoring``: that too."""

APPROVED_DURATION, UNAPPROVED_DURATION = 3_600.0, 600.0
"""Seconds after which a switch over what restores ends: one that a second admin approved, and one that nobody did."""
COOLDOWN = 3_600.0
"""Seconds after the end of one that nobody approved in which there is no other one over any of the same vehicles."""
RESTORING = "restoring"
_ENGINE = "engine"

_OVER = """
SELECT reach FROM kill_switch
WHERE ((scope = 'installation' AND scope_id = '') OR (scope = 'company' AND scope_id = :company_id)
   OR (scope = 'account' AND scope_id = :account_id))
  AND (ends_at IS NULL OR ends_at > :now)
"""
_THROW = """
INSERT INTO kill_switch (scope, scope_id, reach, reason, thrown_by, thrown_at, approved_by, ends_at)
VALUES (:scope, :scope_id, :reach, :reason, :actor, :now, :approved_by, :ends_at)
ON CONFLICT (scope, scope_id, reach) DO NOTHING
"""
_RELEASE = "DELETE FROM kill_switch WHERE scope = :scope AND scope_id = :scope_id AND reach = :reach"
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
_RESTS = """
SELECT 1 FROM restoring_held
WHERE until > :since
  AND (scope = 'installation' OR :scope = 'installation'
       OR (company_id = :company_id AND (scope = 'company' OR :scope = 'company' OR scope_id = :scope_id)))
"""
_HOLD = """
INSERT INTO restoring_held (scope, scope_id, company_id, until) VALUES (:scope, :scope_id, :company_id, :until)
ON CONFLICT (scope, scope_id) DO UPDATE SET until = excluded.until
"""
_LET_GO = "UPDATE restoring_held SET until = :now WHERE scope = :scope AND scope_id = :scope_id AND until > :now"
_COMPANY_OF_ACCOUNT = "SELECT company_id FROM oem_account WHERE id = :id"


class _Place(Arguments, frozen=True):
    """Neither company nor account: the whole installation."""

    reach: Reach
    company: str | None = None
    account: str | None = None


class ActivateKillSwitch(_Place, frozen=True, kw_only=True):
    reason: str


class DeactivateKillSwitch(_Place, frozen=True):
    pass


class ListSwitches(Arguments, frozen=True):
    pass


def reaches_over(tx: ReadTx, company_id: str, account_id: str) -> frozenset[str]:
    """How far the switches reach that are thrown over a vehicle of this company behind this account."""
    rows = tx.all(_OVER, company_id=company_id, account_id=account_id, now=tx.now)
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
    thrown = {"reason": reason, "approved_by": session.approved_by}
    if not tx.run(_THROW, **where, **thrown, ends_at=ends_at, actor=session.actor, now=tx.now):
        raise OperationError("already_thrown", "That switch is thrown already.")
    if ends_at is not None and session.approved_by is None:
        tx.run(_HOLD, scope=scope, scope_id=scope_id, company_id=company_id, until=ends_at)
    ends = {} if ends_at is None else {"ends_at": iso_time(ends_at), "approved_by": session.approved_by}
    session.record("switch.activated", company_id, reason=reason, **where, **ends)
    return {"thrown": True, **where, "reason": reason, "ends_at": iso_time_or_none(ends_at)}


def deactivate(session: Session, arguments: DeactivateKillSwitch) -> Answer:
    """One that stops what restores is anybody's to release, who has it in reach."""
    operator, (scope, scope_id, company_id) = session.operator, _scope(session.tx, arguments)
    if arguments.reach != RESTORING and operator is not None and not operator.ranks("admin"):
        raise authorization.role_required("admin")
    where = {"scope": scope, "scope_id": scope_id, "reach": arguments.reach}
    end_due(session.tx)
    if not session.tx.run(_RELEASE, **where):
        raise OperationError("not_thrown", "That switch is not thrown.")
    if arguments.reach == RESTORING:
        session.tx.run(_LET_GO, scope=scope, scope_id=scope_id, now=session.tx.now)
    session.record("switch.deactivated", company_id, **where)
    return {"thrown": False, **where}


def list_active(session: Session, _arguments: ListSwitches) -> Answer:
    names = ("scope", "name", "reach", "reason", "by", "at", "approved_by", "ends_at")
    rows = [dict(zip(names, row, strict=True)) for row in session.tx.all(_LIST, now=session.tx.now)]
    return {
        "switches": [row | {"at": iso_time(row["at"]), "ends_at": iso_time_or_none(row["ends_at"])} for row in rows]
    }


def is_due(tx: ReadTx) -> bool:
    """A switch has come to its end, and nobody has said so yet."""
    return bool(tx.all(_DUE, now=tx.now))


def end_due(tx: Tx) -> None:
    """Say of each switch whose time is over that it has ended. It holds nothing from that moment on, said or not."""
    for scope, scope_id, reach, company_id in tx.all(_DUE, now=tx.now):
        where = {"scope": scope, "scope_id": scope_id, "reach": reach}
        tx.run(_RELEASE, **where)
        journal.record(tx, "switch.ended", company_id=company_id, actor=_ENGINE, **where)


def _refuse_again(tx: ReadTx, scope: str, scope_id: str, company_id: str | None) -> None:
    """One after the other, switches of ten minutes would be one that does not end."""
    rests = tx.one(_RESTS, since=after(tx.now, -COOLDOWN), scope=scope, scope_id=scope_id, company_id=company_id)
    if rests is not None:
        raise OperationError(
            "held_lately",
            "Restoring commands of these vehicles were held back within the last hour; now it takes a second admin.",
        )


def _reason(arguments: ActivateKillSwitch) -> str:
    reason = arguments.reason.strip()
    if not reason or len(reason) > 500:
        raise OperationError("invalid_reason", "The reason must have 1 to 500 characters.")
    return reason


def _need_to_throw(_session: Session, arguments: ActivateKillSwitch) -> Need:
    _reason(arguments)
    return Need.CHANGE if arguments.reach == RESTORING else Need.NOTHING


def _need_to_release(_session: Session, arguments: DeactivateKillSwitch) -> Need:
    return Need.NOTHING if arguments.reach == RESTORING else Need.CHANGE


def _scope(tx: ReadTx, place: _Place) -> tuple[str, str, str | None]:
    """Scope, its id, and the company whose record tells of it (None: the installation's)."""
    if place.account is not None:
        account_id = resolve(tx, ACCOUNT, place.account, place.company)
        row = tx.one(_COMPANY_OF_ACCOUNT, id=account_id)
        return "account", account_id, row[0] if row else None
    if place.company is not None:
        company_id = resolve(tx, COMPANY, place.company)
        return "company", company_id, company_id
    return "installation", "", None


OPERATIONS = (
    Operation(
        "switch throw",
        ActivateKillSwitch,
        activate,
        role="approver",
        guard=depends(
            _need_to_throw,
            "Over what restores: immobilised vehicles stay so, whatever their end users need.",
            "Over what acts: it keeps vehicles from being acted upon; whoever sees an attack must not have to wait.",
        ),
    ),
    Operation(
        "switch release",
        DeactivateKillSwitch,
        deactivate,
        role="approver",
        guard=depends(
            _need_to_release,
            "Over what acts: it lets through what somebody stopped.",
            "Over what restores: it opens the way back, which must be open to one person.",
        ),
    ),
    Operation("switch list", ListSwitches, list_active, role="viewer", guard=reads()),
)
