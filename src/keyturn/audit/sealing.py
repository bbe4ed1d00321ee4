"""Seals entries: gives each its number and its position in the hash chain of its company.

Entries are sealed at the end of the transaction that writes them (`seal_written`). Where that failed, and for those of
a process that does not seal, it is a unit of work of its own, after the act (`seal`). Neither has state in memory: who
moves a chain's head reads and fences it, so neither a crash nor a second sealer can lose an entry or fork a chain.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

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
_LAST_SEALED = "(SELECT coalesce(max(seq), 0) FROM chain_link)"
# `seq` is in commit order (`store.port.Store`): no entry older than the newest sealed one can appear later.
_UNSEALED = f"""
SELECT seq, company_id, at, actor, kind, vehicle_id, command_id, body FROM entry
WHERE seq > {_LAST_SEALED} ORDER BY seq LIMIT :limit
"""  # noqa: S608 - our own subquery
_NEWEST_SEALED = f"SELECT {_LAST_SEALED}"
_BETWEEN = "SELECT 1 FROM entry WHERE seq > ?1 AND seq < ?2 LIMIT 1"
_ANY_UNSEALED = f"SELECT 1 FROM entry WHERE seq > {_LAST_SEALED} LIMIT 1"  # noqa: S608 - our own subquery
_INSERT_LINK = """
INSERT INTO chain_link (chain, number, seq, prev, hash, personal, salt, personal_hash)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING
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


class _Unsealed(NamedTuple):
    """An entry, and how its body is split."""

    seq: int
    columns: tuple[Any, ...]
    """The fields of a `Content`, but for the body."""
    body: Body
    personal_names: list[str]


def any_unsealed(tx: ReadTx) -> bool:
    return tx.one(_ANY_UNSEALED) is not None


def seal(tx: Tx, *, limit: int = BATCH_ENTRIES, salts: Salts = random_bytes) -> int:
    """Seal the oldest `limit` unsealed entries; returns their number. Raises ChainForked."""
    rows = tx.all(_UNSEALED, limit=limit)
    _seal(tx, (_Unsealed(seq, tuple(columns), *split_personal(body)) for seq, *columns, body in rows), salts)
    return len(rows)


def seal_written(tx: Tx, written: Sequence[Written], *, salts: Salts = random_bytes) -> bool:
    """Seal the entries of this transaction; False: older ones are unsealed, and these have to wait for them.

    Raises ChainForked.
    """
    newest = _newest_sealed(tx)
    left = [each for each in written if each.seq > newest]  # a unit of the sealer's may be in this transaction too
    if left and left[0].seq > newest + 1 and tx.one(_BETWEEN, newest, left[0].seq) is not None:
        return False
    _seal(tx, (_Unsealed(each.seq, each[1:7], *split_written(each.text, each.body)) for each in left), salts)
    return True


def _newest_sealed(tx: Tx) -> int:
    row = tx.one(_NEWEST_SEALED)
    return row[0] if row is not None else 0


def _seal(tx: Tx, entries: Iterable[_Unsealed], salts: Salts) -> None:
    heads: dict[str, _Head] = {}
    links = []
    for entry in entries:
        key = chain_of(entry.columns[0])
        if key not in heads:
            heads[key] = _load_head(tx, key)
        links.append((key, *_append_link(heads[key], entry, salts)))
    if tx.run_many(_INSERT_LINK, links) != len(links):
        raise ChainForked
    for key, head in heads.items():
        _save_head(tx, key, head)
        tx.announce(AUDIT_SEALED, ChainId(key))


def _append_link(head: _Head, entry: _Unsealed, salts: Salts) -> tuple[Any, ...]:
    """Append one link to the chain: moves `head`, and returns the link's columns except the chain."""
    personal, names = entry.body.personal, entry.personal_names
    salt = salts(_SALT_BYTES) if personal is not None else None
    personal_hash = salted_hash(salt, personal) if salt is not None and personal is not None else None
    prev, content = head.hash, Content(*(*entry.columns, entry.body.open))
    head.number += 1
    head.hash = entry_hash(head.number, prev, content, personal_hash)
    if content.kind != CHECKPOINT_KIND:
        head.newest_event = head.number
    personal_names = msgspec.json.encode(names).decode() if names else None
    return head.number, entry.seq, prev, head.hash, personal_names, salt, personal_hash


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
