"""What a change of a vehicle requires: a table by argument; of the rows that apply, the strictest counts."""

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from keyturn.admin import operators
from keyturn.admin.guards import Need
from keyturn.admin.operation import Session, changed_fields
from keyturn.admin.references import ACCOUNT, COMPANY, PLAN, VEHICLE, registered_vin, resolve
from keyturn.store.port import ReadTx

NOT_IMMOBILISED = frozenset({"third_party"})
"""Ownership types whose vehicles are never immobilised."""

_BEFORE = """
SELECT v.company_id, v.account_id, v.external_id, v.ownership, v.powertrain, p.commands, v.capabilities,
       v.fuel_reserve, v.active
FROM vehicle v JOIN plan p ON p.id = v.plan_id WHERE v.id = :id
"""
_COMMANDS = "SELECT commands FROM plan WHERE id = :id"
_OF_VIN = """
SELECT 1 FROM company c JOIN vehicle v ON v.company_id = c.id AND v.vin = :vin WHERE v.active = 0 LIMIT 1
"""
"""Joined by company, for the index over company and VIN."""
_OF_EXTERNAL_ID = """
SELECT DISTINCT a.connector, a.id FROM vehicle v JOIN oem_account a ON a.id = v.account_id
WHERE v.active = 0 AND v.external_id = :external_id
"""
_CONNECTOR = "SELECT connector FROM oem_account WHERE id = :id"
_NAMES = msgspec.json.Decoder(frozenset[str])


class Before(msgspec.Struct, frozen=True):
    """The vehicle before the change; the fields are those of `_BEFORE`."""

    company_id: str
    account_id: str
    external_id: str
    ownership: str
    powertrain: str
    commands: str
    """Those of its plan, as JSON."""
    capabilities: str | None
    fuel_reserve: float
    active: int


Applies = Callable[[ReadTx, Before, Any], bool]
"""Whether the row applies, given the vehicle and the new value."""


def _adds(before: Iterable[str] | None, after: Iterable[str] | None) -> bool:
    """Whether `after` has names that `before` has not; None: all names."""
    if before is None or after is None:
        return before is not None
    return bool(set(after) - set(before))


def _larger_plan(tx: ReadTx, before: Before, plan: str) -> bool:
    row = tx.one(_COMMANDS, id=resolve(tx, PLAN, plan))
    return row is not None and _adds(_NAMES.decode(before.commands), _NAMES.decode(row[0]))


def _more_capabilities(_tx: ReadTx, before: Before, names: tuple[str, ...] | None) -> bool:
    return _adds(None if before.capabilities is None else _NAMES.decode(before.capabilities), names)


def _another_account(tx: ReadTx, before: Before, account: str) -> bool:
    return resolve(tx, ACCOUNT, account, before.company_id) != before.account_id


ROWS: dict[str, tuple[Need, Applies]] = {
    "account": (Need.CHANGE, _another_account),
    "external_id": (Need.CHANGE, lambda _tx, before, name: bool(name != before.external_id)),
    "ownership": (
        Need.CHANGE,
        lambda _tx, before, kind: before.ownership in NOT_IMMOBILISED and kind not in NOT_IMMOBILISED,
    ),
    "plan": (Need.CHANGE, _larger_plan),
    "capabilities": (Need.CHANGE, _more_capabilities),
    "active": (Need.CHANGE, lambda _tx, before, active: bool(active and not before.active)),
    "consent": (Need.SIGN_IN, lambda _tx, _before, reference: reference is not None),
    "powertrain": (Need.SIGN_IN, lambda _tx, before, kind: bool(kind != before.powertrain)),
    "fuel_reserve": (Need.SIGN_IN, lambda _tx, before, share: bool(share < before.fuel_reserve)),
}
"""By the argument of ``vehicle set``: what it requires where the row applies; otherwise it requires nothing."""


def need(session: Session, arguments: Any) -> Need:
    """What a ``vehicle set`` requires. Raises `OperationError`."""
    tx = session.tx
    row = tx.one(_BEFORE, id=resolve(tx, VEHICLE, arguments.vehicle, arguments.company))
    assert row is not None, "it was just resolved"
    before = Before(*row)
    rows = ((ROWS[name], value) for name, value in changed_fields(arguments, *ROWS).items())
    return max((need for (need, applies), value in rows if applies(tx, before, value)), default=Need.NOTHING)


def need_to_enrol(session: Session, arguments: Any) -> Need:
    """What a ``vehicle add`` requires: a change where it was enrolled before. Raises `OperationError`."""
    tx, vin = session.tx, registered_vin(arguments.vin.strip())
    if not operators.admins(tx, resolve(tx, COMPANY, arguments.company), tx.now):
        return Need.NOTHING
    if tx.one(_OF_VIN, vin=vin) is not None:
        return Need.CHANGE
    former = tx.all(_OF_EXTERNAL_ID, external_id=(arguments.external_id or vin).strip())
    if not former:
        return Need.SIGN_IN
    account_id, spaces = resolve(tx, ACCOUNT, arguments.account, arguments.company), session.installation.name_spaces
    connector = str(tx.all(_CONNECTOR, id=account_id)[0][0])
    enrolled_before = spaces.of(connector, account_id) in {spaces.of(*each) for each in former}
    return Need.CHANGE if enrolled_before else Need.SIGN_IN
