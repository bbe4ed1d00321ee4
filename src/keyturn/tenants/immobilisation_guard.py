"""Refuses changes of an immobilised vehicle, or its account, after which it could not be enabled."""

from typing import Any

from keyturn.errors import OperationError
from keyturn.store.port import ReadTx

_ENABLE = "enable_ignition"
_ON_RECORD = """
SELECT v.account_id, v.external_id FROM vehicle v JOIN immobilisation i ON i.vehicle_id = v.id
WHERE v.id = :vehicle_id AND (i.state <> 'closed' OR i.held = 1) LIMIT 1
"""
"""A held record was closed by hand although the vehicle may still be immobilised; it counts as open."""
_BEHIND = """
SELECT count(DISTINCT v.id) FROM vehicle v JOIN immobilisation i ON i.vehicle_id = v.id
WHERE v.account_id = :account_id AND (i.state <> 'closed' OR i.held = 1)
"""
_OF_COMPANY = """
SELECT count(DISTINCT vehicle_id) FROM immobilisation
WHERE company_id = :company_id AND (state <> 'closed' OR held = 1)
"""


def count_immobilised_of_account(tx: ReadTx, account_id: str) -> int:
    """How many vehicles are, or may be, immobilised behind an OEM account."""
    row = tx.one(_BEHIND, account_id=account_id)
    return int(row[0]) if row else 0


def count_immobilised_of_company(tx: ReadTx, company_id: str) -> int:
    """How many of the company's vehicles are, or may be, immobilised."""
    row = tx.one(_OF_COMPANY, company_id=company_id)
    return int(row[0]) if row else 0


def ensure_account_still_reachable(tx: ReadTx, account_id: str) -> None:
    """Raises `OperationError` where immobilised vehicles use this account."""
    if number := count_immobilised_of_account(tx, account_id):
        advice = "Enable them first, or throw a switch over the account"
        raise OperationError("immobilised", f"{number} immobilised vehicles are reached through it. {advice}.")


def ensure_still_reachable(tx: ReadTx, vehicle_id: str, changes: dict[str, Any]) -> None:
    """Raises `OperationError` where `changes` of an immobilised vehicle's columns would make enabling impossible.

    A missing column, or None, does not change. Ownership and plan are not checked: they never keep an immobilised
    vehicle from being enabled.
    """
    row = tx.one(_ON_RECORD, vehicle_id=vehicle_id)
    if row is None:
        return
    account_id, external_id = row
    capabilities = changes.get("capabilities")
    stranding = {
        "deactivated": changes.get("active") is False,
        "moved to another OEM account": changes.get("account_id") not in (None, account_id),
        "given another name at the OEM": changes.get("external_id") not in (None, external_id),
        f"given capabilities without {_ENABLE}": capabilities is not None and _ENABLE not in capabilities,
    }
    if what := next((what for what, strands in stranding.items() if strands), None):
        reason = "it is on record as immobilised. Enable it first"
        raise OperationError("immobilised", f"The vehicle cannot be {what}: {reason}.")
