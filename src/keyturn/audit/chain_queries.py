"""Reads chains, checkpoints and restore entries from the store; entries page by page."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from keyturn.audit.checkpoints import LATEST, SignedStatement
from keyturn.audit.encoding import Content, Link, Personal
from keyturn.audit.personal import UnexpectedBody, split_body
from keyturn.store.port import ReadTx

PAGE = 200
RESTORED, ACKNOWLEDGED = "store.restored", "audit.acknowledged"
"""Kinds of the entries that record a restore and its acknowledgement."""

_LINKS = """
SELECT number, prev, hash, personal, salt, personal_hash, company_id, at, actor, kind, vehicle_id, command_id, body
FROM entry
WHERE coalesce(company_id, '') = :chain AND number > :after AND number <= :last ORDER BY number LIMIT :limit
"""
# Without the plus, the column's type would keep SQLite from the index of the expression.
_HEADS = """
SELECT h.chain, h.number, h.hash,
  (SELECT max(number) FROM entry e WHERE coalesce(e.company_id, '') = +h.chain AND e.number IS NOT NULL)
FROM chain_head h ORDER BY h.chain
"""
# One look-up for each chain: SELECT DISTINCT would read the whole index, with a row for each entry.
_CHAINS_WITHOUT_HEAD = """
WITH RECURSIVE known (chain) AS (
  SELECT min(coalesce(company_id, '')) FROM entry WHERE number IS NOT NULL
  UNION ALL
  SELECT (
    SELECT min(coalesce(company_id, '')) FROM entry WHERE coalesce(company_id, '') > known.chain AND number IS NOT NULL
  ) FROM known WHERE known.chain IS NOT NULL
)
SELECT chain FROM known WHERE chain IS NOT NULL AND chain NOT IN (SELECT chain FROM chain_head) ORDER BY chain
"""
_HASH = "SELECT hash FROM entry WHERE coalesce(company_id, '') = :chain AND number = :number"
_CHECKPOINTS = """
SELECT statement, signature, key, chain FROM chain_checkpoint
WHERE (CAST(:chain AS TEXT) IS NULL OR chain = :chain) ORDER BY id
"""
_NEWEST_CHECKPOINT = """
SELECT statement, signature, key FROM chain_checkpoint WHERE chain = :chain ORDER BY number DESC LIMIT 1
"""
_COVERING = """
SELECT statement, signature, key FROM chain_checkpoint
WHERE chain = :chain AND number >= :number ORDER BY number LIMIT 1
"""
_UNSEALED_ENTRIES = """
SELECT seq, company_id, at FROM entry WHERE number IS NULL ORDER BY seq
"""
# The condition repeats that of the partial index word for word; otherwise SQLite would not use the index.
_RESTORE_ENTRIES = """
SELECT company_id, number, kind, body FROM entry
WHERE kind IN ('store.restored', 'audit.acknowledged') AND number IS NOT NULL ORDER BY coalesce(company_id, ''), number
"""
_LAST_SEALED = "SELECT seq FROM entry WHERE +number IS NOT NULL ORDER BY seq DESC LIMIT 1"
_NAMES = msgspec.json.Decoder(list[str])
TO_THE_END = 2**62
"""As `last`: no upper limit."""


class Head(msgspec.Struct, frozen=True):
    """A chain's head as its row in `chain_head` has it, and its newest link."""

    chain: str
    number: int
    hash: bytes
    newest: int
    """Number of the newest link in the store; 0 without one."""


class UnsealedEntry(msgspec.Struct, frozen=True):
    """An entry without a number. `late`: it is newer than every sealed entry; otherwise it was inserted."""

    seq: int
    company: str | None
    at: int
    late: bool


class RestoreEntry(msgspec.Struct, frozen=True):
    """A sealed entry that records a restore or its acknowledgement."""

    company: str | None
    """Company of the chain."""
    number: int
    kind: str
    body: str


def restore_entries(tx: ReadTx) -> list[RestoreEntry]:
    """Every recorded restore and acknowledgement, in the order of chains and numbers."""
    return [
        RestoreEntry(company, _as_number(number), str(kind), body if isinstance(body, str) else "")
        for company, number, kind, body in tx.all(_RESTORE_ENTRIES)
    ]


def heads(tx: ReadTx) -> list[Head]:
    """The head of every chain; a chain that has links but no row in `chain_head` has number 0."""
    known = [
        Head(chain, _as_number(number), _as_bytes(digest), newest or 0)
        for chain, number, digest, newest in tx.all(_HEADS)
    ]
    return known + [Head(chain, 0, b"", 0) for (chain,) in tx.all(_CHAINS_WITHOUT_HEAD)]


def page(tx: ReadTx, chain: str, after: int, *, last: int = TO_THE_END, limit: int = PAGE) -> list[Link]:
    """The links with `after` < number <= `last`, with their entries; at most `limit`."""
    return [_link(*row) for row in tx.all(_LINKS, chain=chain, after=after, last=last, limit=limit)]


def links(tx: ReadTx, chain: str, *, first: int = 1, last: int = TO_THE_END) -> Iterator[Link]:
    """Every link from `first` to `last`; one page is in memory at a time."""
    after = first - 1
    while found := page(tx, chain, after, last=last):
        yield from found
        after = found[-1].number


def hash_at(tx: ReadTx, chain: str, number: int) -> bytes | None:
    row = tx.one(_HASH, chain=chain, number=number)
    return row[0] if row else None


def hashes_at(tx: ReadTx, chain: str, numbers: Iterable[int]) -> dict[int, bytes]:
    """Hashes by number, of the entries that exist."""
    found = ((number, hash_at(tx, chain, number)) for number in numbers)
    return {number: digest for number, digest in found if isinstance(digest, bytes)}


def checkpoints(tx: ReadTx, chain: str | None = None) -> list[tuple[SignedStatement, str]]:
    """Each checkpoint of one chain or of all, with the chain under which it is stored."""
    return [(_signed(row), stored_under) for *row, stored_under in tx.all(_CHECKPOINTS, chain=chain)]


def newest_checkpoint(tx: ReadTx, chain: str) -> SignedStatement | None:
    row = tx.one(_NEWEST_CHECKPOINT, chain=chain)
    return _signed(row) if row else None


def covering_checkpoint(tx: ReadTx, chain: str, number: int) -> SignedStatement | None:
    """The first checkpoint of the chain that covers the entry `number`."""
    row = tx.one(_COVERING, chain=chain, number=number)
    return _signed(row) if row else None


def unsealed_entries(tx: ReadTx) -> list[UnsealedEntry]:
    """Entries that have no number: the unsealed tail, and entries inserted between sealed ones."""
    row = tx.one(_LAST_SEALED)
    last = row[0] if row else 0
    return [
        UnsealedEntry(seq, company, min(_as_number(at), LATEST), seq > last)
        for seq, company, at in tx.all(_UNSEALED_ENTRIES)
    ]


def _link(number: int, prev: Any, digest: Any, names: str | None, salt: Any, personal_hash: Any, *entry: Any) -> Link:
    prev, digest = _as_bytes(prev), _as_bytes(digest)
    company, at, actor, kind, vehicle, command, body = entry
    try:
        opened, text = split_body(body, _NAMES.decode(names) if names else ())
    except (UnexpectedBody, msgspec.DecodeError, TypeError):
        opened, text = body, None  # the comparison of hashes finds that it was changed
    content = Content(company, at, actor, kind, vehicle, command, opened)
    if names is None and personal_hash is None and salt is None:
        return Link(number, prev, digest, content)
    return Link(
        number,
        prev,
        digest,
        content,
        Personal(_as_bytes(personal_hash), None if salt is None else _as_bytes(salt), text),
    )


def _signed(row: Sequence[object]) -> SignedStatement:
    return SignedStatement(*map(str, row))


def _as_number(value: object) -> int:
    """A number or an instant; 0 if the column was tampered with."""
    return value if isinstance(value, int) and value >= 0 else 0


def _as_bytes(value: object) -> bytes:
    """A hash; empty if the column was tampered with."""
    return value if isinstance(value, bytes) else b""
