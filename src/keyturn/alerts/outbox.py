"""The outbox: messages to send on each channel, written in one transaction with the cursor, so that none is lost."""

from typing import Any

import msgspec

from keyturn.alerts.message import Message, QueuedMessage, with_count
from keyturn.audit.kinds import current
from keyturn.clock import after, iso_time_or_none
from keyturn.store.port import ReadTx, Row, Tx

GIVEN_UP_AFTER = 86_400.0
"""Seconds after creation from which a failed attempt is the last."""
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
    """Queue the message on every channel. Until the instant `open_until` it counts further entries and is not sent."""
    text = msgspec.json.encode(message).decode()
    for channel in channels:
        tx.run(_ADD, seq=seq, channel=channel, message=text, now=tx.now, open_until=open_until)


def add_to_digest(tx: Tx, into: int, seq: int) -> bool:
    """Count entry `seq` in the digest; False if the digest is closed or sent."""
    return tx.run(_ADD_TO_DIGEST, digest=into, last_seq=seq, now=tx.now) > 0


def due(tx: ReadTx, channel: str) -> list[QueuedMessage]:
    """Messages that the channel can send now; those with the fewest failures first, so that none blocks others."""
    return [_queued(*row) for row in tx.all(_DUE, channel=channel, now=tx.now, limit=_PAGE)]


def record_sent(tx: Tx, queued: QueuedMessage, channel: str) -> None:
    tx.run(_SENT, seq=queued.seq, channel=channel, now=tx.now)


def record_failure(
    tx: Tx, queued: QueuedMessage, channel: str, fault: str, reached: tuple[str, ...]
) -> tuple[bool, int]:
    """Record a failed attempt; returns whether it was the last, and the number of failures."""
    too_old = after(tx.now, -GIVEN_UP_AFTER)
    who = msgspec.json.encode(reached).decode()
    row = tx.one(_FAILED, seq=queued.seq, channel=channel, fault=fault, reached=who, too_old=too_old, now=tx.now)
    return (row[0] == "given_up", int(row[1])) if row else (True, 0)


def unsent(tx: ReadTx) -> dict[str, int]:
    """Number of waiting messages by channel."""
    return dict(tx.all(_UNSENT))


def delete_expired(tx: Tx) -> None:
    """Delete messages that were sent or given up long ago."""
    tx.run(_DELETE, before=after(tx.now, -_RETENTION))


def list_alerts(tx: ReadTx, *, unsent: bool, limit: int) -> list[dict[str, Any]]:
    """Newest first, JSON-ready."""
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
