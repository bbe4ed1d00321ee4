"""Makes checkpoints: signed statements of a chain's head, stored where this machine cannot change them."""

import hashlib
import secrets
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Protocol

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from msgspec import Meta

from keyturn.audit import journal
from keyturn.audit.encoding import company_of
from keyturn.audit.sealing import CHECKPOINT_KIND, seal
from keyturn.bus.topics import CHECKPOINT_MADE, ChainId
from keyturn.clock import SECOND
from keyturn.store.port import ReadTx, Row, Tx

CHECKPOINT_FORMAT = "keyturn-checkpoint-1"
LATEST = 253_402_300_799_999_999
"""The last instant that can be formatted as a date, in microseconds."""
AUDITOR = "audit"
"""The actor of entries that the audit writes about itself."""

_CLAIM = "INSERT INTO store_fact (name, value) VALUES ('installation', :value) ON CONFLICT (name) DO NOTHING"
_FACT = "SELECT value FROM store_fact WHERE name = :name"
_DUE = """
SELECT chain, number, hash, checkpoint_hash FROM chain_head
WHERE told > checkpoint_number AND (checkpoint_at <= :before OR told >= checkpoint_number + :entries)
ORDER BY chain LIMIT :limit
"""
_INSERT = """
INSERT INTO chain_checkpoint (id, chain, number, statement, signature, key)
VALUES (:id, :chain, :number, :statement, :signature, :key)
"""
# The highest id ever given, because sinks store the last id they have delivered and rows may have been deleted. An id
# too large to have been given is ignored.
_HIGHEST_ID = """
SELECT max(id) FROM (
  SELECT max(id) AS id FROM chain_checkpoint WHERE id < 1000000000000000
  UNION ALL SELECT CAST(value AS INTEGER) FROM store_fact WHERE name = 'checkpoint'
) WHERE id < 1000000000000000
"""
_HIGHEST_DELIVERED = "SELECT max(delivered) FROM checkpoint_outlet WHERE delivered < 1000000000000000"
_SET_HIGHEST_ID = """
INSERT INTO store_fact (name, value) VALUES ('checkpoint', :value)
ON CONFLICT (name) DO UPDATE SET value = excluded.value
"""
_MARK = """
UPDATE chain_head SET checkpoint_number = :number, checkpoint_at = :now, checkpoint_hash = :digest WHERE chain = :chain
"""
_BATCH_CHAINS = 50
_EVERY_CHAIN = 1_000_000


class Signer(Protocol):
    """Holds the key that signs checkpoints."""

    @property
    def checkpoint_key(self) -> bytes:
        """The public key, 32 bytes (RFC 8032)."""
        ...

    def sign_checkpoint(self, statement: bytes) -> bytes:
        """An Ed25519 signature, 64 bytes."""
        ...


class CheckpointStatement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The entry `number` of a company's chain had this hash, which covers every entry before it."""

    at: Annotated[int, Meta(ge=0, le=LATEST)]
    """Instant of the signature, in microseconds."""
    company: str | None
    epoch: int
    """The store's epoch."""
    format: str
    hash: str
    installation: str
    number: int
    previous: str | None
    """SHA-256 of the chain's previous statement; None: this is the first."""


class SignedStatement(msgspec.Struct, frozen=True):
    """A statement with its signature, as it leaves the machine; signature and key in hex."""

    statement: str
    """JSON, exactly as signed."""
    signature: str
    key: str

    @property
    def digest(self) -> str:
        """SHA-256 of the statement in hex; the next checkpoint of the chain names it as `previous`."""
        return hashlib.sha256(self.statement.encode()).hexdigest()

    @property
    def line(self) -> bytes:
        """The line of JSON that a sink gets."""
        return msgspec.json.encode(self) + b"\n"

    def read(self) -> CheckpointStatement | None:
        """The checkpoint statement; None: the text is something else."""
        try:
            statement = msgspec.json.decode(self.statement, type=CheckpointStatement)
        except msgspec.DecodeError:
            return None
        return statement if statement.format == CHECKPOINT_FORMAT else None

    def signed_by(self, keys: Iterable[bytes]) -> bool:
        return any(self._verifies(key) for key in keys)

    def _verifies(self, key: bytes) -> bool:
        try:
            Ed25519PublicKey.from_public_bytes(key).verify(bytes.fromhex(self.signature), self.statement.encode())
        except (InvalidSignature, ValueError):
            return False
        return True


def readable_checkpoints(path: Path) -> Iterator[SignedStatement]:
    """The readable lines of a checkpoint file; other lines are skipped. Empty without the file. Raises OSError."""
    if not path.is_file():
        return
    with path.open("rb") as file:
        for line in file:
            with suppress(msgspec.DecodeError):
                yield msgspec.json.decode(line, type=SignedStatement)


def checkpoint_due(tx: ReadTx, *, interval: float, entries: int) -> bool:
    """Whether `make_due_checkpoints` would make one."""
    return bool(_due(tx, interval, entries, 1))


def make_due_checkpoints(tx: Tx, signer: Signer, *, interval: float, entries: int) -> int:
    """Make a checkpoint of each chain that grew for `interval` seconds or by `entries` since its last; how many."""
    due = _due(tx, interval, entries, _BATCH_CHAINS)
    for row in due:
        _make(tx, signer, *row)
    return len(due)


def make_checkpoints_now(tx: Tx, signer: Signer) -> list[SignedStatement]:
    """Seal everything, and make a checkpoint of each chain that has grown since its last."""
    while seal(tx):
        pass
    return [_make(tx, signer, *row) for row in _due(tx, 0.0, 1, _EVERY_CHAIN)]


def installation_id(tx: ReadTx) -> str:
    """The id of this installation in its checkpoints; empty before the first one."""
    return _fact(tx, "installation") or ""


def claim_installation(tx: Tx) -> None:
    """Give this installation its id, unless it has one."""
    tx.run(_CLAIM, value=secrets.token_hex(16))


def highest_checkpoint_id(tx: ReadTx) -> int:
    """The highest id that a checkpoint of this store ever had; 0 before the first."""
    row = tx.one(_HIGHEST_ID)
    return int(row[0] or 0) if row else 0


def named_key(signed: SignedStatement) -> list[bytes]:
    """The public key that the checkpoint itself names, which proves nothing by itself; empty if it is not hex."""
    try:
        return [bytes.fromhex(signed.key)]
    except ValueError:
        return []


def store_epoch(tx: ReadTx) -> int:
    return int(_fact(tx, "epoch") or 0)


def _due(tx: ReadTx, interval: float, entries: int, limit: int) -> list[Row]:
    return tx.all(_DUE, before=tx.now - round(interval * SECOND), entries=entries, limit=limit)


def _make(tx: Tx, signer: Signer, chain: str, number: int, digest: bytes, previous: str | None) -> SignedStatement:
    company = company_of(chain)
    claim_installation(tx)
    statement = CheckpointStatement(
        tx.now, company, store_epoch(tx), CHECKPOINT_FORMAT, digest.hex(), installation_id(tx), number, previous
    )
    text = msgspec.json.encode(statement)
    signed = SignedStatement(text.decode(), signer.sign_checkpoint(text).hex(), signer.checkpoint_key.hex())
    tx.run(_INSERT, id=_next_id(tx), chain=chain, number=number, **msgspec.structs.asdict(signed))
    tx.run(_MARK, chain=chain, number=number, now=tx.now, digest=signed.digest)
    journal.record(tx, CHECKPOINT_KIND, company_id=company, actor=AUDITOR, number=number, hash=digest.hex())
    tx.announce(CHECKPOINT_MADE, ChainId(chain))
    return signed


def _next_id(tx: Tx) -> int:
    delivered = tx.one(_HIGHEST_DELIVERED)
    number = max(highest_checkpoint_id(tx), int(delivered[0] or 0) if delivered else 0) + 1
    tx.run(_SET_HIGHEST_ID, value=str(number))
    return number


def _fact(tx: ReadTx, name: str) -> str | None:
    row = tx.one(_FACT, name=name)
    return None if row is None else str(row[0])
