"""The immobilisation record: opened when a disable is sent, confirmed when it executed, closed when it is over.

One that an operator closed although the vehicle may still be immobilised is *held*: it counts, and keeps the way back
open, until that is over too. Every step is an audit entry, written with it.
"""

from typing import Any

import msgspec

from keyturn.audit import journal
from keyturn.clock import after
from keyturn.fleet.positions import Position
from keyturn.store.port import ReadTx, Row, Tx

REPORT = "report"
"""What closed a record that no command and no operator closed."""
_HOUR = 3_600.0

_SELECT = "SELECT id, company_id, vehicle_id, opened_by, state, account_id, external_id FROM immobilisation"
_OPEN = f"{_SELECT} WHERE vehicle_id = :vehicle_id AND state <> 'closed'"
_HELD = f"{_SELECT} WHERE vehicle_id = :vehicle_id AND held = 1 ORDER BY id"
_TO_REMIND = f"""{_SELECT}
WHERE state <> 'closed' AND reminded < :hours AND opened_at <= :before ORDER BY opened_at, id LIMIT :limit
"""
_OLDEST_TO_REMIND = "SELECT min(opened_at) FROM immobilisation WHERE state <> 'closed' AND reminded < :hours"
_INSERT = """
INSERT INTO immobilisation
  (company_id, vehicle_id, opened_by, state, opened_at, actor, latitude, longitude, position_at, consent_at,
   consent_reference, account_id, external_id)
VALUES
  (:company_id, :vehicle_id, :command_id, 'possible', :now, :actor, :latitude, :longitude, :position_at,
   (SELECT consent_at FROM vehicle WHERE id = :vehicle_id),
   (SELECT consent_reference FROM vehicle WHERE id = :vehicle_id), :account_id, :external_id)
ON CONFLICT DO NOTHING
"""
_TOUCH = """
INSERT INTO immobilisation_command (immobilisation_id, command_id)
SELECT id, :command_id FROM immobilisation WHERE vehicle_id = :vehicle_id AND (state <> 'closed' OR held = 1)
ON CONFLICT DO NOTHING
"""
_CONFIRM = """
UPDATE immobilisation SET state = 'confirmed', confirmed_at = :now, opened_by = :command_id
WHERE id = :id AND state = 'possible'
"""
_CLOSE = """
UPDATE immobilisation
SET state = 'closed', closed_at = :now, closed_by = :closed_by, close_reason = :reason, forced = :forced, held = :held
WHERE id = :id AND state <> 'closed'
"""
_LET_GO = "UPDATE immobilisation SET held = 0 WHERE id = :id AND held = 1"
_ATTRIBUTE = "UPDATE immobilisation SET opened_by = :opened_by WHERE id = :id"
_REMINDED = "UPDATE immobilisation SET reminded = :hours WHERE id = :id"


class Immobilisation(msgspec.Struct, frozen=True):
    """A record that is open, or held."""

    id: int
    company_id: str
    vehicle_id: str
    opened_by: str
    """The disable that keeps it open."""
    state: str
    """``possible`` or ``confirmed``; ``closed``: it is held."""
    account_id: str | None = None
    external_id: str | None = None

    @property
    def aim(self) -> tuple[str, str] | None:
        """Where the disable went: OEM account and external id."""
        return (self.account_id, self.external_id) if self.account_id and self.external_id else None


class Opening(msgspec.Struct, frozen=True):
    """A disable that is about to leave."""

    company_id: str
    vehicle_id: str
    command_id: str
    actor: str
    """Who asked for it."""
    account_id: str
    external_id: str | None
    """Where it goes."""
    position: Position | None = None
    """The last known one."""


def open_record(tx: ReadTx, vehicle_id: str) -> Immobilisation | None:
    row = tx.one(_OPEN, vehicle_id=vehicle_id)
    return Immobilisation(*row) if row else None


def unfinished(tx: ReadTx, vehicle_id: str) -> list[Immobilisation]:
    """The open record, and those closed by hand while the vehicle might still be immobilised."""
    record = open_record(tx, vehicle_id)
    held = [Immobilisation(*row) for row in tx.all(_HELD, vehicle_id=vehicle_id)]
    return held if record is None else [record, *held]


def open_for(tx: Tx, opening: Opening) -> None:
    """From now on the vehicle may be immobilised. An open record stays the one."""
    position = opening.position
    opened = tx.run(
        _INSERT,
        company_id=opening.company_id,
        vehicle_id=opening.vehicle_id,
        command_id=opening.command_id,
        actor=opening.actor,
        account_id=opening.account_id,
        external_id=opening.external_id,
        latitude=position.latitude if position else None,
        longitude=position.longitude if position else None,
        position_at=position.at if position else None,
        now=tx.now,
    )
    if opened and (record := open_record(tx, opening.vehicle_id)) is not None:
        _record_event(tx, record, "opened", opening.actor, opened_by=opening.command_id)


def link_command(tx: Tx, vehicle_id: str, command_id: str) -> None:
    """A disable or an enable belongs to the open record, and to one that is held, if there is one."""
    tx.run(_TOUCH, vehicle_id=vehicle_id, command_id=command_id)


def confirm(tx: Tx, vehicle_id: str, command_id: str, actor: str) -> None:
    record = open_record(tx, vehicle_id)
    if record is not None and tx.run(_CONFIRM, id=record.id, command_id=command_id, now=tx.now):
        _record_event(tx, record, "confirmed", actor, opened_by=command_id)


def reassign(tx: Tx, record: Immobilisation, command_id: str) -> None:
    """Another disable keeps the record open."""
    tx.run(_ATTRIBUTE, id=record.id, opened_by=command_id)


def close(
    tx: Tx,
    record: Immobilisation,
    closed_by: str,
    actor: str,
    *,
    reason: str | None = None,
    forced: bool = False,
    held: bool = False,
) -> bool:
    """`closed_by` is a command, `REPORT`, or the operator who gave a reason. False: it was closed already.

    An operator may close it although a disable may still act (`forced`), or the vehicle be immobilised (`held`). A held
    one that is over is let go.
    """
    if record.state == "closed":
        return _let_go(tx, record, closed_by, actor)
    how = {"forced": int(forced), "held": int(held)}
    if not tx.run(_CLOSE, id=record.id, closed_by=closed_by, reason=reason, now=tx.now, **how):
        return False
    told: dict[str, Any] = {} if reason is None else {"reason": reason, "forced": forced}
    _record_event(tx, record, "closed", actor, closed_by=closed_by, **told, **({"held": True} if held else {}))
    return True


def _let_go(tx: Tx, record: Immobilisation, let_go_by: str, actor: str) -> bool:
    if not tx.run(_LET_GO, id=record.id):
        return False
    _record_event(tx, record, "let_go", actor, let_go_by=let_go_by)
    return True


def to_remind(tx: ReadTx, hours: float, limit: int) -> list[Immobilisation]:
    """Records open for so many hours that this was not said of yet, oldest first."""
    rows: list[Row] = tx.all(_TO_REMIND, hours=hours, before=after(tx.now, -hours * _HOUR), limit=limit)
    return [Immobilisation(*row) for row in rows]


def hours_to_remind(tx: ReadTx, hours: tuple[float, ...]) -> list[float]:
    """After which of these hours, in rising order, something is to be said of a record."""
    row = tx.one(_OLDEST_TO_REMIND, hours=max(hours, default=0.0))
    oldest = row[0] if row else None
    over = [] if oldest is None else [each for each in hours if oldest <= after(tx.now, -each * _HOUR)]
    return [each for each in over if to_remind(tx, each, 1)]


def remind(tx: Tx, hours: float, actor: str, limit: int) -> None:
    """Say once, of each record that is due, that it has been open for so many hours."""
    for record in to_remind(tx, hours, limit):
        tx.run(_REMINDED, id=record.id, hours=hours)
        _record_event(tx, record, "reminder", actor, hours=hours, state=record.state)


def _record_event(tx: Tx, record: Immobilisation, kind: str, actor: str, **told: Any) -> None:
    journal.record(
        tx,
        f"immobilisation.{kind}",
        company_id=record.company_id,
        actor=actor,
        vehicle_id=record.vehicle_id,
        immobilisation=record.id,
        **told,
    )
