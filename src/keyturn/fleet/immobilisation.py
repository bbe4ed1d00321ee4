"""The immobilisation record: opened when a disable is sent, confirmed when it executed, closed when it is over."""

import msgspec

from keyturn.store.port import ReadTx, Tx

_OPEN = "SELECT id, opened_by, state FROM immobilisation WHERE vehicle_id = :vehicle_id AND state <> 'closed'"
_INSERT = """
INSERT INTO immobilisation (company_id, vehicle_id, opened_by, state, opened_at)
VALUES (:company_id, :vehicle_id, :opened_by, 'possible', :now)
ON CONFLICT DO NOTHING
"""
_CONFIRM = """
UPDATE immobilisation SET state = 'confirmed', confirmed_at = :now, opened_by = :command_id
WHERE vehicle_id = :vehicle_id AND state = 'possible'
"""
_CLOSE = """
UPDATE immobilisation SET state = 'closed', closed_at = :now, closed_by = :closed_by
WHERE id = :id AND state <> 'closed'
"""


class Immobilisation(msgspec.Struct, frozen=True):
    """An open record."""

    id: int
    opened_by: str
    state: str
    """``possible`` or ``confirmed``."""


def open_record(tx: ReadTx, vehicle_id: str) -> Immobilisation | None:
    row = tx.one(_OPEN, vehicle_id=vehicle_id)
    return Immobilisation(*row) if row else None


def open_for(tx: Tx, company_id: str, vehicle_id: str, command_id: str) -> None:
    """A disable is about to leave: from now on the vehicle may be immobilised. An open record stays the one."""
    tx.run(_INSERT, company_id=company_id, vehicle_id=vehicle_id, opened_by=command_id, now=tx.now)


def confirm(tx: Tx, vehicle_id: str, command_id: str) -> None:
    tx.run(_CONFIRM, vehicle_id=vehicle_id, command_id=command_id, now=tx.now)


def attribute(tx: Tx, record: Immobilisation, command_id: str) -> None:
    """Another disable keeps the record open."""
    tx.run("UPDATE immobilisation SET opened_by = :opened_by WHERE id = :id", id=record.id, opened_by=command_id)


def close(tx: Tx, record: Immobilisation, closed_by: str) -> bool:
    """False: it was closed already."""
    return tx.run(_CLOSE, id=record.id, closed_by=closed_by, now=tx.now) > 0
