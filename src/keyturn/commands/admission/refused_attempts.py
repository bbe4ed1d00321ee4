"""Refused ignition attempts: each leaves an audit entry, and a flood of them is counted.

The first `SINGLY` of an application in a minute have an entry each. Every further one is counted in its own
transaction, and when the minute has ended the count becomes one entry, also after a crash.
"""

import msgspec

from keyturn.audit import journal
from keyturn.clock import SECOND, iso_time
from keyturn.commands.admission.requests import CommandRequest
from keyturn.commands.model.catalogue import IGNITION_PAIR
from keyturn.errors import Refusal
from keyturn.store.port import ReadTx, Tx

SINGLY = 20
"""Refusals of one application in a minute that have an entry of their own."""
MINUTE = 60 * SECOND
_KINDS = 50
"""Kinds of refusals that one minute distinguishes at most."""
_OTHER = "other"

_LOAD = """
SELECT application_id, company_id, began_at, ends_at, written, folded FROM refusal_window
WHERE application_id = :application_id FOR UPDATE
"""
_ENDED = """
SELECT application_id, company_id, began_at, ends_at, written, folded FROM refusal_window
WHERE ends_at <= :now ORDER BY ends_at, application_id LIMIT :limit
"""
_BEGIN = """
INSERT INTO refusal_window (application_id, company_id, began_at, ends_at, written, folded)
VALUES (:application_id, :company_id, :began_at, :ends_at, 0, '[]')
"""
_COUNT = "UPDATE refusal_window SET written = :written, folded = :folded WHERE application_id = :application_id"
_END = "DELETE FROM refusal_window WHERE application_id = :application_id"


class Folded(msgspec.Struct):
    """Refusals of one kind, counted."""

    command: str
    http_status: int
    detail: str
    count: int


class _Window(msgspec.Struct, frozen=True):
    application_id: str
    company_id: str
    began_at: int
    ends_at: int
    written: int
    folded: str


_FOLDED = msgspec.json.Decoder(list[Folded])


def record_refusal(tx: Tx, request: CommandRequest, refusal: Refusal) -> None:
    """Record that the admission refused the request, if that was an ignition attempt."""
    if request.command in IGNITION_PAIR:
        record_attempt(tx, request.company_id, request.application_id, request.vin, request.command, refusal)


def record_attempt(tx: Tx, company_id: str, actor: str, vin: str, command: str, refusal: Refusal) -> None:
    """A refused attempt leaves an entry of its own, or is counted."""
    window = _window(tx, company_id, actor)
    if window.written < SINGLY:
        tx.run(_COUNT, application_id=actor, written=window.written + 1, folded=window.folded)
        journal.record(
            tx,
            "ignition.refused",
            company_id=company_id,
            actor=actor,
            vin=vin,
            command=command,
            http_status=refusal.http_status,
            detail=refusal.detail,
        )
    else:
        folded = _counted(_FOLDED.decode(window.folded), command, refusal)
        tx.run(_COUNT, application_id=actor, written=window.written, folded=msgspec.json.encode(folded).decode())


def any_ended(tx: ReadTx) -> bool:
    """Whether `end_minutes` has something to do."""
    return bool(tx.all(_ENDED, now=tx.now, limit=1))


def end_minutes(tx: Tx, limit: int) -> None:
    """Make an entry of what was counted, for up to `limit` minutes that have ended."""
    for row in tx.all(_ENDED, now=tx.now, limit=limit):
        _end(tx, _Window(*row))


def _window(tx: Tx, company_id: str, actor: str) -> _Window:
    row = tx.one(_LOAD, application_id=actor)
    if row is not None:
        window = _Window(*row)
        if tx.now < window.ends_at:
            return window
        _end(tx, window)
    fresh = _Window(actor, company_id, tx.now, tx.now + MINUTE, 0, "[]")
    tx.run(_BEGIN, application_id=actor, company_id=company_id, began_at=fresh.began_at, ends_at=fresh.ends_at)
    return fresh


def _end(tx: Tx, window: _Window) -> None:
    tx.run(_END, application_id=window.application_id)
    folded = _FOLDED.decode(window.folded)
    if folded:
        journal.record(
            tx,
            "ignition.refusals",
            company_id=window.company_id,
            actor=window.application_id,
            count=sum(each.count for each in folded),
            since=iso_time(window.began_at),
            until=iso_time(window.ends_at),
            refusals=msgspec.to_builtins(folded),
        )


def _counted(folded: list[Folded], command: str, refusal: Refusal) -> list[Folded]:
    detail = refusal.detail if len(folded) < _KINDS else _OTHER
    kind = (command, refusal.http_status)
    known = next((each for each in folded if (each.command, each.http_status) == kind and each.detail == detail), None)
    if known is None:
        return [*folded, Folded(*kind, detail, 1)]
    known.count += 1
    return folded
