"""OEM quotas, per account and per vehicle: calls are counted before they are made, and a reserve is kept.

The reserve is for restoring commands: they are counted and never held back, because the OEM itself decides better when
a vehicle waits to be released. State reads and all other commands stop at the reserve.
"""

from collections.abc import Iterable

from keyturn.clock import after
from keyturn.connectors.port import Quota
from keyturn.store.port import ReadTx, Tx

_INSERT = "INSERT INTO oem_call (account_id, vehicle_id, at) VALUES (:account_id, :vehicle_id, :now)"
_NTH_NEWEST = {
    "vehicle": """
SELECT at FROM oem_call WHERE vehicle_id = :owner AND at > :since ORDER BY at DESC LIMIT 1 OFFSET :newer
""",
    "account": """
SELECT at FROM oem_call WHERE account_id = :owner AND at > :since ORDER BY at DESC LIMIT 1 OFFSET :newer
""",
}


def count(tx: Tx, quota: Quota | None, account_id: str, vehicle_id: str) -> None:
    """Count a call that is about to be made."""
    if quota is not None:
        tx.run(_INSERT, account_id=account_id, vehicle_id=vehicle_id, now=tx.now)


def frees_at(tx: ReadTx, quota: Quota | None, account_id: str, vehicle_id: str) -> int | None:
    """The instant from which a call that is not restoring may be made; None: now."""
    if quota is None:
        return None
    owners = (("vehicle", vehicle_id, quota.per_vehicle), ("account", account_id, quota.per_account))
    instants = [at for kind, owner, windows in owners for at in _frees(tx, kind, owner, windows, quota.reserve)]
    return max(instants, default=None)


def _frees(tx: ReadTx, kind: str, owner: str, windows: Iterable[tuple[float, int]], reserve: int) -> Iterable[int]:
    for seconds, limit in windows:
        usable = limit - reserve
        if usable <= 0:
            yield after(tx.now, seconds)
            continue
        row = tx.one(_NTH_NEWEST[kind], owner=owner, since=after(tx.now, -seconds), newer=usable - 1)
        if row is not None:
            yield after(row[0], seconds)
