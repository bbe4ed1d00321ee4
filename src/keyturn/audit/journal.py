"""Audit entries, which are the events too: each is written in the transaction of what it tells."""

import msgspec

from keyturn.store.port import Tx

_INSERT = """
INSERT INTO entry (company_id, at, actor, kind, vehicle_id, command_id, body)
VALUES (:company_id, :at, :actor, :kind, :vehicle_id, :command_id, :body)
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
    """Append one entry. `company_id` None: the installation's own. `body` is JSON-ready and holds no secret."""
    tx.run(
        _INSERT,
        company_id=company_id,
        at=tx.now,
        actor=actor,
        kind=kind,
        vehicle_id=vehicle_id,
        command_id=command_id,
        body=msgspec.json.encode(body).decode(),
    )
