"""Turns new entries into messages: one on each channel, and one digest for a burst of one kind."""

import msgspec

from keyturn.alerts import entries, outbox
from keyturn.alerts.entries import Entry
from keyturn.alerts.rule import Rule, build_message
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
    """Entries of one kind and company since `since`; `digest`: `seq` of the digest that counts further ones."""

    since: int
    count: int = 0
    digest: int | None = None


def has_new_entries(tx: ReadTx) -> bool:
    """Whether there are entries that were not processed yet."""
    return entries.newest(tx) > entries.cursor(tx)


def collect(tx: Tx, channels: tuple[str, ...]) -> bool:
    """Process a page of new entries; whether there are more."""
    last, newest = entries.cursor(tx), entries.newest(tx)
    upto = min(newest, last + _PAGE)
    for entry in entries.page(tx, last, upto, KINDS):
        rule = rule_for(entry)
        if rule is not None:
            _queue_message(tx, rule, entry, channels)
    entries.advance(tx, upto)
    return upto < newest


def _queue_message(tx: Tx, rule: Rule, entry: Entry, channels: tuple[str, ...]) -> None:
    counter = _count(tx, entry)
    digest = counter.digest
    if counter.count > rule.singly:
        digest = _add_to_digest(tx, rule, entry, channels, counter)
    elif counter.count > rule.quiet:
        outbox.add(tx, entry.seq, build_message(rule, entry), channels)
    _save(tx, entry, msgspec.structs.replace(counter, digest=digest))


def _add_to_digest(tx: Tx, rule: Rule, entry: Entry, channels: tuple[str, ...], counter: Counter) -> int:
    """Count the entry in the open digest, or begin a new one; returns the digest's first entry."""
    if counter.digest is not None and outbox.add_to_digest(tx, counter.digest, entry.seq):
        return counter.digest
    outbox.add(tx, entry.seq, build_message(rule, entry), channels, open_until=after(counter.since, WINDOW))
    return entry.seq


def _count(tx: ReadTx, entry: Entry) -> Counter:
    """The counter of the present window, with this entry counted."""
    row = tx.one(_COUNTER, kind=entry.kind, company_id=entry.company_id or "")
    counter = Counter(*row) if row else Counter(tx.now)
    if tx.now >= after(counter.since, WINDOW):
        counter = Counter(tx.now)
    return msgspec.structs.replace(counter, count=counter.count + 1)


def _save(tx: Tx, entry: Entry, counter: Counter) -> None:
    tx.run(_SAVE_COUNTER, kind=entry.kind, company_id=entry.company_id or "", **msgspec.structs.asdict(counter))
