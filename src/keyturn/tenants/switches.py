"""Kill switches: what is stopped at once, for the installation, a company, or an OEM account."""

from typing import Literal

from keyturn.clock import iso_time
from keyturn.store.port import ReadTx
from keyturn.tenants.administration import Answer, Arguments, Operation, OperationError, Session
from keyturn.tenants.guards import at_once, guarded, reads
from keyturn.tenants.references import ACCOUNT, COMPANY, resolve

Reach = Literal["disable", "actuating", "restoring"]
"""``disable``: disable_ignition. ``actuating``: everything that acts, except what restores. ``restoring``: that too."""

_OVER = """
SELECT reach FROM kill_switch
WHERE (scope = 'installation' AND scope_id = '') OR (scope = 'company' AND scope_id = :company_id)
   OR (scope = 'account' AND scope_id = :account_id)
"""
_THROW = """
INSERT INTO kill_switch (scope, scope_id, reach, reason, thrown_by, thrown_at)
VALUES (:scope, :scope_id, :reach, :reason, :actor, :now) ON CONFLICT (scope, scope_id, reach) DO NOTHING
"""
_RELEASE = "DELETE FROM kill_switch WHERE scope = :scope AND scope_id = :scope_id AND reach = :reach"
_LIST = """
SELECT k.scope, coalesce(c.name, a.name, ''), k.reach, k.reason, k.thrown_by, k.thrown_at
FROM kill_switch k
LEFT JOIN company c ON k.scope = 'company' AND c.id = k.scope_id
LEFT JOIN oem_account a ON k.scope = 'account' AND a.id = k.scope_id
ORDER BY k.thrown_at
"""
_COMPANY_OF_ACCOUNT = "SELECT company_id FROM oem_account WHERE id = :id"


class _Place(Arguments, frozen=True):
    """Neither company nor account: the whole installation."""

    reach: Reach
    company: str | None = None
    account: str | None = None


class ThrowSwitch(_Place, frozen=True, kw_only=True):
    reason: str


class ReleaseSwitch(_Place, frozen=True):
    pass


class ListSwitches(Arguments, frozen=True):
    pass


def over(tx: ReadTx, company_id: str, account_id: str) -> frozenset[str]:
    """How far the switches reach that are thrown over a vehicle of this company behind this account."""
    return frozenset(reach for (reach,) in tx.all(_OVER, company_id=company_id, account_id=account_id))


def throw(session: Session, arguments: ThrowSwitch) -> Answer:
    scope, scope_id, company_id = _scope(session.tx, arguments)
    where = {"scope": scope, "scope_id": scope_id, "reach": arguments.reach}
    reason = arguments.reason.strip()
    if not reason or len(reason) > 500:
        raise OperationError("invalid_reason", "The reason must have 1 to 500 characters.")
    if not session.tx.run(_THROW, **where, reason=reason, actor=session.actor, now=session.tx.now):
        raise OperationError("already_thrown", "That switch is thrown already.")
    session.record("switch.thrown", company_id, reason=reason, **where)
    return {"thrown": True, **where, "reason": reason}


def release(session: Session, arguments: ReleaseSwitch) -> Answer:
    scope, scope_id, company_id = _scope(session.tx, arguments)
    where = {"scope": scope, "scope_id": scope_id, "reach": arguments.reach}
    if not session.tx.run(_RELEASE, **where):
        raise OperationError("not_thrown", "That switch is not thrown.")
    session.record("switch.released", company_id, **where)
    return {"thrown": False, **where}


def listed(session: Session, _arguments: ListSwitches) -> Answer:
    return {
        "switches": [
            {"scope": scope, "name": name, "reach": reach, "reason": reason, "by": by, "at": iso_time(at)}
            for scope, name, reach, reason, by, at in session.tx.all(_LIST)
        ]
    }


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
        ThrowSwitch,
        throw,
        role="approver",
        guard=at_once("Keeps commands from vehicles.", "What stops must be possible at once."),
    ),
    Operation(
        "switch release", ReleaseSwitch, release, role="admin", guard=guarded("Lets through what somebody stopped.")
    ),
    Operation("switch list", ListSwitches, listed, role="viewer", guard=reads()),
)
