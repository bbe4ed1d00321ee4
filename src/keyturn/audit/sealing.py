"""Seals entries: gives each its number and its position in the hash chain of its company.

Entries are sealed at the end of the transaction that writes them (`seal_written`). Where that failed, and for those of
a process that does not seal, it is a unit of work of its own, after the act (`seal`). Neither has state in memory: who
moves a chain's head reads and fences it, so neither a crash nor a second sealer can lose an entry or fork a chain.
"""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from keyturn.audit.encoding import GENESIS, Content, chain_of, entry_hash
from keyturn.audit.journal import Written
from keyturn.audit.personal import Body, salted_hash, split_personal, split_written
from keyturn.bus.topics import AUDIT_SEALED, ChainId
from keyturn.entropy import random_bytes
from keyturn.store.port import ReadTx, Tx

BATCH_ENTRIES = 64
"""Entries sealed in one unit of work, so that other units do not wait long for the writer."""
CHECKPOINT_KIND = "chain.checkpoint"

_SALT_BYTES = 16
_NEWEST = "SELECT number FROM entry ORDER BY seq DESC LIMIT 1"
# Those after the newest of every chain: going back from the newest entry would read all that are unsealed. Without the
# plus, the column's type would keep SQLite from the index of the expression.
_UNSEALED = """
SELECT seq, company_id, at, actor, kind, vehicle_id, command_id, body FROM entry
WHERE number IS NULL AND seq > (SELECT coalesce(max(newest), 0) FROM (SELECT (
  SELECT seq FROM entry WHERE coalesce(company_id, '') = +chain AND number IS NOT NULL ORDER BY number DESC LIMIT 1
) AS newest FROM chain_head)) ORDER BY seq LIMIT :limit
"""
_INSERT = """
INSERT INTO entry
  (company_id, at, actor, kind, vehicle_id, command_id, body, number, prev, hash, personal, salt, personal_hash)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13) ON CONFLICT DO NOTHING
"""
_NUMBER = """
UPDATE entry SET number = ?3, prev = ?4, hash = ?5, personal = ?6, salt = ?7, personal_hash = ?8
WHERE seq = ?1 AND NOT EXISTS (SELECT 1 FROM entry WHERE coalesce(company_id, '') = ?2 AND number = ?3)
"""
_HEAD = "SELECT number, hash, told FROM chain_head WHERE chain = ?1 FOR UPDATE"
_INSERT_HEAD = """
INSERT INTO chain_head (chain, number, hash, told, checkpoint_number, checkpoint_at, checkpoint_hash)
VALUES (:chain, 0, :hash, 0, 0, :now, NULL)
"""
_ADVANCE = """
UPDATE chain_head SET number = :number, hash = :hash, told = :told WHERE chain = :chain AND number = :expected
"""

Salts = Callable[[int], bytes]


class ChainForked(Exception):
    """Another process sealed these entries, or the chain's head is not its newest link."""


class _Head:
    """A chain's head while this unit of work moves it."""

    def __init__(self, number: int, digest: bytes, newest_event: int) -> None:
        self.expected = self.number = number
        self.hash = digest
        self.newest_event = newest_event
        """Number of the newest entry that is not about a checkpoint; column `told`."""


class _Heads(dict[str, _Head]):
    """The heads of the chains that this unit of work moves."""

    def __init__(self, tx: Tx, salts: Salts) -> None:
        self._tx = tx
        self._salts = salts

    def __missing__(self, key: str) -> _Head:
        self[key] = head = _load_head(self._tx, key)
        return head

    def link(self, columns: tuple[Any, ...], body: Body, names: list[str]) -> tuple[Any, ...]:
        """Append an entry to its chain: number, previous hash, hash, and what belongs to its personal part.

        `columns` are the fields of a `Content`, but for the body; `names` are the members of the personal part.
        """
        head = self[chain_of(columns[0])]
        salt = self._salts(_SALT_BYTES) if body.personal is not None else None
        personal_hash = salted_hash(salt, body.personal) if salt is not None and body.personal is not None else None
        prev, content = head.hash, Content(*(*columns, body.open))
        head.number += 1
        head.hash = entry_hash(head.number, prev, content, personal_hash)
        if content.kind != CHECKPOINT_KIND:
            head.newest_event = head.number
        personal_names = msgspec.json.encode(names).decode() if names else None
        return head.number, prev, head.hash, personal_names, salt, personal_hash

    def save(self) -> None:
        """Raises ChainForked."""
        for key, head in self.items():
            _save_head(self._tx, key, head)
            self._tx.announce(AUDIT_SEALED, ChainId(key))


def any_unsealed(tx: ReadTx) -> bool:
    """Whether entries wait for their number.

    `seq` is in commit order (`store.port.Store`), and the oldest is sealed first. So where the newest entry is sealed,
    one without a number was inserted by someone else.
    """
    newest = tx.one(_NEWEST)
    return newest is not None and newest[0] is None


def seal(tx: Tx, *, limit: int = BATCH_ENTRIES, salts: Salts = random_bytes) -> int:
    """Seal the oldest `limit` unsealed entries; returns their number. Raises ChainForked."""
    tx.write_notes()
    if not any_unsealed(tx):
        return 0
    heads, sealed = _Heads(tx, salts), []
    for seq, *columns, body in tx.all(_UNSEALED, limit=limit):
        sealed.append((seq, chain_of(columns[0]), *heads.link(tuple(columns), *split_personal(body))))
    _written(tx, _NUMBER, sealed)
    heads.save()
    return len(sealed)


def seal_written(tx: Tx, written: Sequence[Written], *, salts: Salts = random_bytes) -> bool:
    """Write and seal the entries of this transaction.

    False: older ones are unsealed; so these are written without a number, and wait for them. Raises ChainForked.
    """
    if any_unsealed(tx):
        tx.write_notes()
        return False
    heads = _Heads(tx, salts)
    _written(tx, _INSERT, [(*e[:7], *heads.link(e[:6], *split_written(e.text, e.body))) for e in written])
    heads.save()
    return True


def _written(tx: Tx, sql: str, rows: Sequence[tuple[Any, ...]]) -> None:
    if tx.run_many(sql, rows) != len(rows):
        raise ChainForked


def _load_head(tx: Tx, key: str) -> _Head:
    row = tx.one(_HEAD, key)
    if row is None:
        tx.run(_INSERT_HEAD, chain=key, hash=GENESIS, now=tx.now)
        return _Head(0, GENESIS, 0)
    return _Head(*row)


def _save_head(tx: Tx, key: str, head: _Head) -> None:
    moved = tx.run(
        _ADVANCE, chain=key, number=head.number, hash=head.hash, told=head.newest_event, expected=head.expected
    )
    if not moved:
        raise ChainForked
