"""Writes audit entries, each in the transaction of the act that it records; alerts are derived from them."""

import msgspec

from keyturn.store.port import Tx

_INSERT = """
INSERT INTO entry (company_id, at, actor, kind, vehicle_id, command_id, body)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
"""


def record(
    tx: Tx,
    kind: str,
    *,
    company_id: str | None,
    actor: str,
    vehicle_id: str | None = None,
    command_id: str | None = None,
    **body: object,
) -> None:
    """Append one entry. `company_id` None: it belongs to the installation. `body`: JSON-ready, without secrets."""
    tx.run(_INSERT, company_id, tx.now, actor, kind, vehicle_id, command_id, msgspec.json.encode(body).decode())
