"""What may not be changed of a vehicle while it is on record as immobilised: it must stay possible to enable it."""

from typing import Any

from keyturn.store.port import ReadTx
from keyturn.tenants.administration import OperationError

_ENABLE = "enable_ignition"
_ON_RECORD = """
SELECT v.account_id, v.external_id FROM vehicle v JOIN immobilisation i ON i.vehicle_id = v.id
WHERE v.id = :vehicle_id AND i.state <> 'closed'
"""

_BEHIND = """
SELECT count(*) FROM vehicle v JOIN immobilisation i ON i.vehicle_id = v.id
WHERE v.account_id = :account_id AND i.state <> 'closed'
"""


def refuse_to_strand_behind(tx: ReadTx, account_id: str) -> None:
    """Raises `OperationError` where immobilised vehicles are reached through this account alone."""
    row = tx.one(_BEHIND, account_id=account_id)
    if row is not None and row[0]:
        advice = "Enable them first, close their records, or throw a switch over the account"
        raise OperationError("immobilised", f"{row[0]} immobilised vehicles are reached through it. {advice}.")


def refuse_to_strand(tx: ReadTx, vehicle_id: str, changes: dict[str, Any]) -> None:
    """Raises `OperationError` where `changes` of an immobilised vehicle's columns would take `enable_ignition` away.

    None, or no such column: that stays. Ownership and plan are not looked at: they never keep an immobilised vehicle
    from being enabled.
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
        reason = "it has an open immobilisation record. Enable it first, or close the record"
        raise OperationError("immobilised", f"The vehicle cannot be {what}: {reason}.")
