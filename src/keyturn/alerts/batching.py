"""From new entries to messages: each is told once on every channel, and a flood of one kind is told as one."""

import msgspec

from keyturn.alerts import entries, outbox
from keyturn.alerts.entries import Entry
from keyturn.alerts.rule import Rule, message
from keyturn.alerts.rules import KINDS, rule_for
from keyturn.clock import after
from keyturn.store.port import ReadTx, Tx

WINDOW = 600.0
"""Seconds in which entries of one kind and company are counted together."""
_PAGE = 500

_COUNTER = "SELECT since, count, digest FROM alert_tally WHERE kind = :kind AND company_id = :company_id"
_SAVE_COUNTER = """
INSERT INTO alert_tally (kind, company_id, since, count, digest)
VALUES (:kind, :company_id, :since, :count, :digest)
ON CONFLICT (kind, company_id) DO UPDATE SET since = excluded.since, count = excluded.count, digest = excluded.digest
"""


class Counter(msgspec.Struct, frozen=True):
    """How many entries of a kind a company had since the window began."""

    since: int
    count: int = 0
    digest: int | None = None


def has_new_entries(tx: ReadTx) -> bool:
    """There are entries that nobody has looked at."""
    return entries.newest(tx) > entries.cursor(tx)


def collect(tx: Tx, channels: tuple[str, ...]) -> bool:
    """Look at a page of new entries; whether there are more."""
    seen, newest = entries.cursor(tx), entries.newest(tx)
    upto = min(newest, seen + _PAGE)
    for entry in entries.page(tx, seen, upto, KINDS):
        rule = rule_for(entry)
        if rule is not None:
            _queue_message(tx, rule, entry, channels)
    entries.advance(tx, upto)
    return upto < newest


def _queue_message(tx: Tx, rule: Rule, entry: Entry, channels: tuple[str, ...]) -> None:
    tally = _count(tx, entry)
    digest = tally.digest
    if tally.count > rule.singly:
        digest = _add_to_digest(tx, rule, entry, channels, tally)
    elif tally.count > rule.quiet:
        outbox.add(tx, entry.seq, message(rule, entry), channels)
    _save(tx, entry, msgspec.structs.replace(tally, digest=digest))


def _add_to_digest(tx: Tx, rule: Rule, entry: Entry, channels: tuple[str, ...], tally: Counter) -> int:
    """The digest that the entry was counted into."""
    if tally.digest is not None and outbox.add_to_digest(tx, tally.digest, entry.seq):
        return tally.digest
    outbox.add(tx, entry.seq, message(rule, entry), channels, open_until=after(tally.since, WINDOW))
    return entry.seq


def _count(tx: ReadTx, entry: Entry) -> Counter:
    """With this entry counted."""
    row = tx.one(_COUNTER, kind=entry.kind, company_id=entry.company_id or "")
    tally = Counter(*row) if row else Counter(tx.now)
    if tx.now >= after(tally.since, WINDOW):
        tally = Counter(tx.now)
    return msgspec.structs.replace(tally, count=tally.count + 1)


def _save(tx: Tx, entry: Entry, tally: Counter) -> None:
    tx.run(_SAVE_COUNTER, kind=entry.kind, company_id=entry.company_id or "", **msgspec.structs.asdict(tally))
