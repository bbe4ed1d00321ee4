"""Name spaces of external ids: within one, an OEM's name for a vehicle is one car.

A name space is what one OEM's cloud keeps apart: all of a connector's vehicles, or those of one account where the
definition says so. Connectors with the same base URL are one.
"""

from keyturn.audit import journal
from keyturn.connectors.accounts import NameSpaces
from keyturn.store.port import ReadTx, Tx

_SHARED = "shared"
"""A doubt: another active vehicle has the external id."""
_ENGINE = "engine"

_ACCOUNTS = "SELECT id, connector FROM oem_account ORDER BY id"
_STALE = """
SELECT 1 FROM vehicle
WHERE account_id = :account_id AND active = 1 AND (name_space IS NULL OR name_space <> :name_space) LIMIT 1
"""
_UNSETTLE = "UPDATE vehicle SET name_space = NULL WHERE account_id = :account_id AND active = 1"
_UNSETTLED = """
SELECT id, company_id, vin, account_id, external_id, doubt FROM vehicle
WHERE active = 1 AND name_space IS NULL ORDER BY created_at, id
"""
_HOLDER = """
SELECT 1 FROM vehicle
WHERE name_space = :name_space AND external_id = :external_id AND active = 1 AND (doubt IS NULL OR doubt <> 'shared')
  AND id <> :vehicle_id
"""
_SETTLE = "UPDATE vehicle SET name_space = :name_space, doubt = :doubt WHERE id = :id"
_AIMED_ANEW = "UPDATE vehicle SET vin_told_at = NULL WHERE id = :id"
_LEAVE = "UPDATE vehicle SET name_space = NULL WHERE id = :id"
_FORGET = "DELETE FROM vehicle_evidence WHERE vehicle_id = :vehicle_id"


def is_taken(tx: ReadTx, name_space: str, external_id: str, vehicle_id: str) -> bool:
    """Whether another active vehicle has this external id there."""
    params = {"name_space": name_space, "external_id": external_id, "vehicle_id": vehicle_id}
    return tx.one(_HOLDER, **params) is not None


def unassign(tx: Tx, vehicle_id: str) -> None:
    """Before the vehicle is aimed anew."""
    tx.run(_LEAVE, id=vehicle_id)


def assign(tx: Tx, vehicle_id: str, name_space: str) -> None:
    """From now on the external id is this vehicle's there. What was known and doubted of another car is forgotten."""
    tx.run(_SETTLE, id=vehicle_id, name_space=name_space, doubt=None)
    tx.run(_AIMED_ANEW, id=vehicle_id)
    tx.run(_FORGET, vehicle_id=vehicle_id)


def assign_all(tx: Tx, spaces: NameSpaces) -> int:
    """Bring every vehicle into the name space that the configuration gives it; how many were in another or in none.

    Of several rows with one external id the one enrolled first stands. The others are in doubt: they are not acted on
    until their external id is another.
    """
    wanted = {account_id: spaces.of(connector, account_id) for account_id, connector in tx.all(_ACCOUNTS)}
    for account_id, name_space in wanted.items():
        if tx.one(_STALE, account_id=account_id, name_space=name_space):
            tx.run(_UNSETTLE, account_id=account_id)
    unsettled = tx.all(_UNSETTLED)
    for vehicle_id, company_id, vin, account_id, external_id, doubt in unsettled:
        name_space = wanted[account_id]
        if is_taken(tx, name_space, external_id, vehicle_id):
            tx.run(_SETTLE, id=vehicle_id, name_space=name_space, doubt=_SHARED)
            told = {"vin": vin, "external_id": external_id, "why": _SHARED}
            journal.record(
                tx, "vehicle.identity_conflict", company_id=company_id, actor=_ENGINE, vehicle_id=vehicle_id, **told
            )
        else:
            left = None if doubt == _SHARED else doubt
            tx.run(_SETTLE, id=vehicle_id, name_space=name_space, doubt=left)
    return len(unsettled)
