"""What each channel has to send: written with the cursor in one transaction, so nothing is lost between the two."""

from typing import Any

import msgspec

from keyturn.alerts.message import Message, QueuedMessage, with_count
from keyturn.audit.kinds import current
from keyturn.clock import after, iso_time_or_none
from keyturn.store.port import ReadTx, Row, Tx

GIVEN_UP_AFTER = 86_400.0
"""Seconds after which a failed attempt is the last."""
_RETENTION = 30 * 86_400.0
_PAGE = 100

_ADD = """
INSERT INTO alert (entry_seq, channel, message, state, created_at, open_until, count, last_seq, attempts, reached)
VALUES (:seq, :channel, :message, 'unsent', :now, :open_until, 1, :seq, 0, '[]')
ON CONFLICT DO NOTHING
"""
_ADD_TO_DIGEST = """
UPDATE alert SET count = count + 1, last_seq = :last_seq
WHERE entry_seq = :digest AND state = 'unsent' AND open_until > :now
"""
_DUE = """
SELECT entry_seq, message, count, last_seq, reached FROM alert
WHERE channel = :channel AND state = 'unsent' AND open_until <= :now ORDER BY attempts, entry_seq LIMIT :limit
"""
_SENT = "UPDATE alert SET state = 'sent', ended_at = :now WHERE entry_seq = :seq AND channel = :channel"
_FAILED = """
UPDATE alert SET attempts = attempts + 1, fault = :fault, reached = :reached,
  state = CASE WHEN created_at <= :too_old THEN 'given_up' ELSE state END,
  ended_at = CASE WHEN created_at <= :too_old THEN :now END
WHERE entry_seq = :seq AND channel = :channel RETURNING state, attempts
"""
_UNSENT = "SELECT channel, count(*) FROM alert WHERE state = 'unsent' GROUP BY channel"
_DELETE = "DELETE FROM alert WHERE ended_at <= :before"
_LIST = """
SELECT entry_seq, channel, message, state, count, attempts, fault, ended_at FROM alert
WHERE :unsent = 0 OR state = 'unsent' ORDER BY entry_seq DESC, channel LIMIT :limit
"""


def add(tx: Tx, seq: int, message: Message, channels: tuple[str, ...], open_until: int = 0) -> None:
    """Give the message to every channel. Until `open_until` it takes in others and is not sent."""
    text = msgspec.json.encode(message).decode()
    for channel in channels:
        tx.run(_ADD, seq=seq, channel=channel, message=text, now=tx.now, open_until=open_until)


def add_to_digest(tx: Tx, into: int, seq: int) -> bool:
    """Count entry `seq` into the digest; False when that has left already."""
    return tx.run(_ADD_TO_DIGEST, digest=into, last_seq=seq, now=tx.now) > 0


def due(tx: ReadTx, channel: str) -> list[QueuedMessage]:
    """What the channel can send now: those that failed least come first, so none holds up the others."""
    return [_queued(*row) for row in tx.all(_DUE, channel=channel, now=tx.now, limit=_PAGE)]


def record_sent(tx: Tx, letter: QueuedMessage, channel: str) -> None:
    tx.run(_SENT, seq=letter.seq, channel=channel, now=tx.now)


def record_failure(
    tx: Tx, letter: QueuedMessage, channel: str, fault: str, reached: tuple[str, ...]
) -> tuple[bool, int]:
    """Write down a failed attempt; whether it was the last, and how many there were."""
    too_old = after(tx.now, -GIVEN_UP_AFTER)
    who = msgspec.json.encode(reached).decode()
    row = tx.one(_FAILED, seq=letter.seq, channel=channel, fault=fault, reached=who, too_old=too_old, now=tx.now)
    return (row[0] == "given_up", int(row[1])) if row else (True, 0)


def unsent(tx: ReadTx) -> dict[str, int]:
    """How many messages wait, by channel."""
    return dict(tx.all(_UNSENT))


def delete_expired(tx: Tx) -> None:
    """Drop what ended long ago."""
    tx.run(_DELETE, before=after(tx.now, -_RETENTION))


def list_alerts(tx: ReadTx, *, unsent: bool, limit: int) -> list[dict[str, Any]]:
    """The newest first, JSON-ready."""
    return [_to_dict(row) for row in tx.all(_LIST, unsent=int(unsent), limit=limit)]


def _queued(seq: int, text: str, count: int, last_seq: int, reached: str) -> QueuedMessage:
    message = msgspec.json.decode(text, type=Message)
    return QueuedMessage(seq, with_count(message, count, last_seq), tuple(msgspec.json.decode(reached)))


def _to_dict(row: Row) -> dict[str, Any]:
    seq, channel, text, state, count, attempts, fault, ended_at = row
    message = msgspec.json.decode(text, type=Message)
    return {
        "entry": seq,
        "channel": channel,
        "at": message.at,
        "kind": current(message.kind),
        "severity": message.severity,
        "company": message.company,
        "state": state,
        "count": count,
        "failed_attempts": attempts,
        "fault": fault,
        "ended_at": iso_time_or_none(ended_at),
    }
