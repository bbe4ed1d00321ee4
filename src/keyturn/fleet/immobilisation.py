"""Immobilisation records: opened when a disable is sent, confirmed when it executed, closed when that is undone.

A record that an operator closed although the vehicle may still be immobilised is *held*: it goes on counting until the
vehicle is known to be enabled. Every step writes its audit entry in the same transaction.

A notice records that the end user was informed of it: by which channel, when, and by whom.
"""

from typing import Any, Literal

import msgspec

from keyturn.audit import journal
from keyturn.clock import iso_time
from keyturn.fleet.evidence import Position
from keyturn.store.port import ReadTx, Tx

REPORT = "report"
"""`closed_by` of a record that a report of the vehicle closed."""

SELECT = "SELECT id, company_id, vehicle_id, opened_by, state, account_id, external_id FROM immobilisation"
"""Columns of an `Immobilisation`."""
_OPEN = f"{SELECT} WHERE vehicle_id = :vehicle_id AND state <> 'closed'"
_HELD = f"{SELECT} WHERE vehicle_id = :vehicle_id AND held = 1 ORDER BY id"
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
_LINK = """
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
_REASSIGN = "UPDATE immobilisation SET opened_by = :opened_by WHERE id = :id"
_REMINDED = "UPDATE immobilisation SET reminded = :hours WHERE id = :id"


class Immobilisation(msgspec.Struct, frozen=True):
    """A record that is open, or held."""

    id: int
    company_id: str
    vehicle_id: str
    opened_by: str
    """The disable that keeps it open."""
    state: str
    """``possible`` or ``confirmed``; ``closed`` for a held record."""
    account_id: str | None = None
    external_id: str | None = None

    @property
    def aim(self) -> tuple[str, str] | None:
        """The OEM account and external id that the disable was sent to."""
        return (self.account_id, self.external_id) if self.account_id and self.external_id else None


class Opening(msgspec.Struct, frozen=True):
    """A disable that is about to be sent."""

    company_id: str
    vehicle_id: str
    command_id: str
    actor: str
    """Who asked for it."""
    account_id: str
    external_id: str | None
    """The external id that it is sent to."""
    position: Position | None = None
    """The last known one."""


def open_record(tx: ReadTx, vehicle_id: str) -> Immobilisation | None:
    row = tx.one(_OPEN, vehicle_id=vehicle_id)
    return Immobilisation(*row) if row else None


def unfinished(tx: ReadTx, vehicle_id: str) -> list[Immobilisation]:
    """The open record and the held ones."""
    record = open_record(tx, vehicle_id)
    held = [Immobilisation(*row) for row in tx.all(_HELD, vehicle_id=vehicle_id)]
    return held if record is None else [record, *held]


def open_for(tx: Tx, opening: Opening) -> None:
    """Open a record: from now on the vehicle may be immobilised. One that is open already stays."""
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
    """Attach a disable or enable to the open record and to held ones."""
    tx.run(_LINK, vehicle_id=vehicle_id, command_id=command_id)


def confirm(tx: Tx, vehicle_id: str, command_id: str, actor: str) -> None:
    record = open_record(tx, vehicle_id)
    if record is not None and tx.run(_CONFIRM, id=record.id, command_id=command_id, now=tx.now):
        _record_event(tx, record, "confirmed", actor, opened_by=command_id)


def reassign(tx: Tx, record: Immobilisation, command_id: str) -> None:
    """Make another disable the one that keeps the record open."""
    tx.run(_REASSIGN, id=record.id, opened_by=command_id)


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

    An operator may close it although a disable may still act (`forced`), or the vehicle may be immobilised (`held`).
    Closing a held record releases it.
    """
    if record.state == "closed":
        return _release(tx, record, closed_by, actor)
    how = {"forced": int(forced), "held": int(held)}
    if not tx.run(_CLOSE, id=record.id, closed_by=closed_by, reason=reason, now=tx.now, **how):
        return False
    extra: dict[str, Any] = {} if reason is None else {"reason": reason, "forced": forced}
    _record_event(tx, record, "closed", actor, closed_by=closed_by, **extra, **({"held": True} if held else {}))
    return True


def _release(tx: Tx, record: Immobilisation, released_by: str, actor: str) -> bool:
    if not tx.run(_LET_GO, id=record.id):
        return False
    _record_event(tx, record, "let_go", actor, let_go_by=released_by)
    return True


def mark_reminded(tx: Tx, record: Immobilisation, hours: float, actor: str) -> None:
    """Record that it has been open for `hours`."""
    tx.run(_REMINDED, id=record.id, hours=hours)
    _record_event(tx, record, "reminder", actor, hours=hours, state=record.state)


def _record_event(tx: Tx, record: Immobilisation, kind: str, actor: str, **extra: Any) -> None:
    journal.record(
        tx,
        f"immobilisation.{kind}",
        company_id=record.company_id,
        actor=actor,
        vehicle_id=record.vehicle_id,
        immobilisation=record.id,
        **extra,
    )


NoticeChannel = Literal["sms", "phone", "email", "app", "post", "other"]

_SELECT_NOTICE = "SELECT id, immobilisation_id, channel, at, text, actor FROM notice"
_NEWEST_NOTICE = f"{_SELECT_NOTICE} WHERE vehicle_id = :vehicle_id ORDER BY at DESC, id DESC LIMIT 1"
_NOTICES_OF_RECORD = f"{_SELECT_NOTICE} WHERE immobilisation_id = :immobilisation_id ORDER BY at, id"
_INSERT_NOTICE = """
INSERT INTO notice (company_id, vehicle_id, channel, at, text, actor, written_at)
VALUES (:company_id, :vehicle_id, :channel, :at, :text, :actor, :now)
"""
_ATTACH_NOTICES = """
UPDATE notice SET immobilisation_id = :immobilisation_id WHERE vehicle_id = :vehicle_id AND immobilisation_id IS NULL
"""


class Notice(msgspec.Struct, frozen=True):
    """`at` is when the end user was informed."""

    id: int
    immobilisation_id: int | None
    channel: str
    at: int
    text: str | None
    """The wording, or where it is kept."""
    actor: str


def newest_notice(tx: ReadTx, vehicle_id: str) -> Notice | None:
    row = tx.one(_NEWEST_NOTICE, vehicle_id=vehicle_id)
    return Notice(*row) if row else None


def notices_of_record(tx: ReadTx, immobilisation_id: int) -> list[Notice]:
    """The notices of this record, oldest first."""
    return [Notice(*row) for row in tx.all(_NOTICES_OF_RECORD, immobilisation_id=immobilisation_id)]


def add_notice(
    tx: Tx, company_id: str, vehicle_id: str, channel: NoticeChannel, at: int, text: str | None, actor: str
) -> None:
    """Record that the end user was informed at the instant `at`."""
    written = {"channel": channel, "at": at, "text": text}
    tx.run(_INSERT_NOTICE, company_id=company_id, vehicle_id=vehicle_id, actor=actor, now=tx.now, **written)
    attach_notices(tx, vehicle_id)
    extra = {"channel": channel, "told_at": iso_time(at), "text": text}
    journal.record(tx, "immobilisation.notice", company_id=company_id, actor=actor, vehicle_id=vehicle_id, **extra)


def attach_notices(tx: Tx, vehicle_id: str) -> None:
    """Attach notices without a record to the open one; a notice may come before the record."""
    record = open_record(tx, vehicle_id)
    if record is not None:
        tx.run(_ATTACH_NOTICES, immobilisation_id=record.id, vehicle_id=vehicle_id)
