"""Name spaces of external ids: within one, an OEM's name for a vehicle means one vehicle.

A name space is what one OEM's cloud keeps unique: all vehicles of a connector, or those of one account where the
definition declares that. Connectors with the same base URL share one.
"""

from keyturn.audit import journal
from keyturn.connectors.accounts import NameSpaces
from keyturn.store.port import ReadTx, Tx

_SHARED = "shared"
"""The doubt where another active vehicle has the external id."""
_ENGINE = "engine"

_ACCOUNTS = "SELECT id, connector FROM oem_account ORDER BY id"
_STALE = """
SELECT 1 FROM vehicle
WHERE account_id = :account_id AND active = 1 AND (name_space IS NULL OR name_space <> :name_space) LIMIT 1
"""
_UNASSIGN_ACCOUNT = "UPDATE vehicle SET name_space = NULL WHERE account_id = :account_id AND active = 1"
_UNASSIGNED = """
SELECT id, company_id, vin, account_id, external_id, doubt FROM vehicle
WHERE active = 1 AND name_space IS NULL ORDER BY created_at, id
"""
_HOLDER = """
SELECT 1 FROM vehicle
WHERE name_space = :name_space AND external_id = :external_id AND active = 1 AND (doubt IS NULL OR doubt <> 'shared')
  AND id <> :vehicle_id
"""
_ASSIGN = "UPDATE vehicle SET name_space = :name_space, doubt = :doubt WHERE id = :id"
_RESET_VIN_DOUBT = "UPDATE vehicle SET vin_told_at = NULL WHERE id = :id"
_UNASSIGN_VEHICLE = "UPDATE vehicle SET name_space = NULL WHERE id = :id"
_DELETE_EVIDENCE = "DELETE FROM vehicle_evidence WHERE vehicle_id = :vehicle_id"


def is_taken(tx: ReadTx, name_space: str, external_id: str, vehicle_id: str) -> bool:
    """Whether another active vehicle has this external id in the name space."""
    params = {"name_space": name_space, "external_id": external_id, "vehicle_id": vehicle_id}
    return tx.one(_HOLDER, **params) is not None


def unassign(tx: Tx, vehicle_id: str) -> None:
    """Take the vehicle out of its name space, before its account or external id changes."""
    tx.run(_UNASSIGN_VEHICLE, id=vehicle_id)


def assign(tx: Tx, vehicle_id: str, name_space: str) -> None:
    """Put the vehicle into the name space, without doubts and without the evidence of a former external id."""
    tx.run(_ASSIGN, id=vehicle_id, name_space=name_space, doubt=None)
    tx.run(_RESET_VIN_DOUBT, id=vehicle_id)
    tx.run(_DELETE_EVIDENCE, vehicle_id=vehicle_id)


def assign_all(tx: Tx, spaces: NameSpaces) -> int:
    """Put every vehicle into the name space that the configuration gives it; how many were in another or in none.

    Of several vehicles with one external id the one enrolled first has it. The others are in doubt: no command acts
    on them until their external id is changed.
    """
    wanted = {account_id: spaces.of(connector, account_id) for account_id, connector in tx.all(_ACCOUNTS)}
    for account_id, name_space in wanted.items():
        if tx.one(_STALE, account_id=account_id, name_space=name_space):
            tx.run(_UNASSIGN_ACCOUNT, account_id=account_id)
    unassigned = tx.all(_UNASSIGNED)
    for vehicle_id, company_id, vin, account_id, external_id, doubt in unassigned:
        name_space = wanted[account_id]
        if is_taken(tx, name_space, external_id, vehicle_id):
            tx.run(_ASSIGN, id=vehicle_id, name_space=name_space, doubt=_SHARED)
            body = {"vin": vin, "external_id": external_id, "why": _SHARED}
            journal.record(
                tx, "vehicle.identity_conflict", company_id=company_id, actor=_ENGINE, vehicle_id=vehicle_id, **body
            )
        else:
            remaining = None if doubt == _SHARED else doubt
            tx.run(_ASSIGN, id=vehicle_id, name_space=name_space, doubt=remaining)
    return len(unassigned)
