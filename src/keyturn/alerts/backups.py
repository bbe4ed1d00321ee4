"""Records backups, and reports when the newest one is too old."""

from pathlib import Path

from keyturn.audit import journal
from keyturn.clock import after, iso_time
from keyturn.store.port import ReadTx, Tx

MADE, OLD = "backup.made", "backup.old"
_REMIND_EVERY = 86_400.0
_ACTOR = "alerts"

# The condition repeats that of the partial index word for word; otherwise SQLite would not use the index.
_NEWEST = """
SELECT kind, max(at) FROM entry WHERE kind IN ('backup.made', 'backup.old') GROUP BY kind
"""
_FIRST_ENTRY = "SELECT at FROM entry ORDER BY seq LIMIT 1"


def record_made(tx: Tx, actor: str, file: Path, size: int, digest: str) -> None:
    """Record a signed backup of `size` bytes; `digest` is its SHA-256, as in its signature."""
    journal.record(tx, MADE, company_id=None, actor=actor, file=file.name, bytes=size, digest=digest)


def report_if_old(tx: Tx, max_age: float) -> None:
    """Record `backup.old`, at most once a day, while the newest backup is older than `max_age` seconds."""
    tx.write_notes()
    at: dict[str, int] = dict(tx.all(_NEWEST))
    newest = at.get(MADE)
    counts_from = newest if newest is not None else _first_entry_at(tx)
    if counts_from is None or tx.now <= after(counts_from, max_age):
        return
    reported_at = at.get(OLD, 0)
    if reported_at > counts_from and tx.now < after(reported_at, _REMIND_EVERY):
        return
    journal.record(tx, OLD, company_id=None, actor=_ACTOR, newest_at="never" if newest is None else iso_time(newest))


def _first_entry_at(tx: ReadTx) -> int | None:
    """Instant of the first entry; before it there was nothing to back up."""
    row = tx.one(_FIRST_ENTRY)
    return int(row[0]) if row else None
