"""What the end user of a vehicle was told, by which channel, when, and by whom."""

from typing import Literal

import msgspec

from keyturn.audit import journal
from keyturn.clock import iso_time
from keyturn.fleet import immobilisation
from keyturn.store.port import ReadTx, Tx

Channel = Literal["sms", "phone", "email", "app", "post", "other"]

_SELECT = "SELECT id, immobilisation_id, channel, at, text, actor FROM notice"
_NEWEST = f"{_SELECT} WHERE vehicle_id = :vehicle_id ORDER BY at DESC, id DESC LIMIT 1"
_OF_RECORD = f"{_SELECT} WHERE immobilisation_id = :immobilisation_id ORDER BY at, id"
_INSERT = """
INSERT INTO notice (company_id, vehicle_id, channel, at, text, actor, written_at)
VALUES (:company_id, :vehicle_id, :channel, :at, :text, :actor, :now)
"""
_ADOPT = """
UPDATE notice SET immobilisation_id = :immobilisation_id WHERE vehicle_id = :vehicle_id AND immobilisation_id IS NULL
"""


class Notice(msgspec.Struct, frozen=True):
    """`at` is when the end user was told."""

    id: int
    immobilisation_id: int | None
    channel: str
    at: int
    text: str | None
    """What was said, or where that is kept."""
    actor: str


def newest(tx: ReadTx, vehicle_id: str) -> Notice | None:
    row = tx.one(_NEWEST, vehicle_id=vehicle_id)
    return Notice(*row) if row else None


def of_record(tx: ReadTx, immobilisation_id: int) -> list[Notice]:
    """Everything that was told for this record, oldest first."""
    return [Notice(*row) for row in tx.all(_OF_RECORD, immobilisation_id=immobilisation_id)]


def add(tx: Tx, company_id: str, vehicle_id: str, channel: Channel, at: int, text: str | None, actor: str) -> None:
    """Write down that the end user was told at the instant `at`."""
    written = {"channel": channel, "at": at, "text": text}
    tx.run(_INSERT, company_id=company_id, vehicle_id=vehicle_id, actor=actor, now=tx.now, **written)
    attach_to_record(tx, vehicle_id)
    told = {"channel": channel, "told_at": iso_time(at), "text": text}
    journal.record(tx, "immobilisation.notice", company_id=company_id, actor=actor, vehicle_id=vehicle_id, **told)


def attach_to_record(tx: Tx, vehicle_id: str) -> None:
    """What was told and belongs to no record yet belongs to the open one: notices come before it too."""
    record = immobilisation.open_record(tx, vehicle_id)
    if record is not None:
        tx.run(_ADOPT, immobilisation_id=record.id, vehicle_id=vehicle_id)
