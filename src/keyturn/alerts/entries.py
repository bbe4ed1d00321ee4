"""Reads audit entries in commit order, which is the order of `seq` (see `keyturn.store.port.Store`)."""

from typing import Any

import msgspec

from keyturn.audit.kinds import current
from keyturn.commands.model import record
from keyturn.store.port import ReadTx, Row, Tx

_NEWEST = "SELECT seq FROM entry ORDER BY seq DESC LIMIT 1"
_PAGE = """
SELECT seq, at, company_id, actor, kind, vehicle_id, command_id, body FROM entry
WHERE seq > :after AND seq <= :upto ORDER BY seq
"""
_CURSOR = "SELECT seq FROM alert_cursor WHERE id = 1"
_BEGIN = "INSERT INTO alert_cursor (id, seq) VALUES (1, :seq) ON CONFLICT DO NOTHING"
_BEGIN_AFTER_RESTORE = """
INSERT INTO alert_cursor (id, seq) VALUES (1, :seq)
ON CONFLICT (id) DO UPDATE SET seq = CASE WHEN seq < :seq THEN seq ELSE :seq END
"""
_DELETE_NEWER_ALERTS = "DELETE FROM alert WHERE entry_seq > :seq"
_DELETE_COUNTERS = "DELETE FROM alert_tally"
_ADVANCE = "UPDATE alert_cursor SET seq = :seq WHERE id = 1"


class Entry(msgspec.Struct, frozen=True):
    """An audit entry, with the name of the command that it is about."""

    seq: int
    at: int
    company_id: str | None
    actor: str
    kind: str
    vehicle_id: str | None
    command_id: str | None
    body: dict[str, Any]
    command: str | None = None


def newest(tx: ReadTx) -> int:
    """`seq` of the newest entry; 0 without one."""
    row = tx.one(_NEWEST)
    return int(row[0]) if row else 0


def cursor(tx: ReadTx) -> int:
    """`seq` of the newest processed entry."""
    row = tx.one(_CURSOR)
    return int(row[0]) if row else 0


def begin(tx: Tx) -> None:
    """Set the cursor to the newest entry at the first start; older entries cause no alerts."""
    tx.run(_BEGIN, seq=newest(tx))


def begin_after_restore(tx: Tx) -> None:
    """After a restore: process every further entry, whatever the restored database records as processed."""
    seq = newest(tx)
    tx.run(_BEGIN_AFTER_RESTORE, seq=seq)
    tx.run(_DELETE_NEWER_ALERTS, seq=seq)
    tx.run(_DELETE_COUNTERS)


def advance(tx: Tx, seq: int) -> None:
    tx.run(_ADVANCE, seq=seq)


def page(tx: ReadTx, after: int, upto: int, kinds: frozenset[str]) -> list[Entry]:
    """The entries of these kinds with `after` < seq <= `upto`; a renamed kind matches under both names."""
    wanted = {current(kind) for kind in kinds}
    return [_entry(tx, row) for row in tx.all(_PAGE, after=after, upto=upto) if current(row[4]) in wanted]


def _entry(tx: ReadTx, row: Row) -> Entry:
    seq, at, company_id, actor, kind, vehicle_id, command_id, body = row
    command = record.load(tx, command_id) if command_id else None
    name = command.name if command else None
    return Entry(seq, at, company_id, actor, current(kind), vehicle_id, command_id, msgspec.json.decode(body), name)
