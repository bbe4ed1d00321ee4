"""Signs and verifies backups; the signature is a file beside the backup, and detects any change to it."""

import hashlib
import os
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

import msgspec

from keyturn.store.port import BackupSigner, FileDigest, StoreRefused

FORMAT = "keyturn-backup-1"
_CHUNK = 1_048_576
_MAX_SIGNATURE_FILE = 64 * _CHUNK
"""Bytes read of a signature file at most; it names every chain."""


class SignatureVerdict(StrEnum):
    """Result of a check of a backup's signature."""

    SIGNED = "signed"
    UNSIGNED = "unsigned"
    CHANGED = "changed"
    FOREIGN = "foreign"


class SignatureCheck(NamedTuple):
    """The result of a signature check."""

    verdict: SignatureVerdict
    made_at: int | None = None
    """Instant of the backup, from a valid signature."""


REFUSALS = {
    SignatureVerdict.UNSIGNED: "{file} has no signature ({signature}): it predates signatures, or is not ours",
    SignatureVerdict.CHANGED: "{file} is not the backup that {signature} was made for: one of the two was changed",
    SignatureVerdict.FOREIGN: "{signature} was not made with the key file of this installation",
}
"""Why a backup is not restored; `refusal` appends the option that restores it nevertheless."""


class BackupStatement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The signed statement."""

    at: int
    """Instant of the backup, in microseconds."""
    digest: str
    """SHA-256 of the file, hex."""
    epoch: int
    format: str
    heads: dict[str, tuple[int, str]]
    """Number and hash (hex) of the newest sealed entry by chain; '' is the installation's chain."""
    installation: str
    schema: int
    """Number of its newest migration."""
    size: int
    """Bytes."""


class SignatureFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A signed statement as stored; signature and public key in hex."""

    statement: str
    """JSON, exactly as signed."""
    signature: str
    key: str


class BackupContent(NamedTuple):
    """What the signature states about a backup's content; see `BackupStatement`."""

    epoch: int
    heads: dict[str, tuple[int, str]]
    installation: str
    schema: int


def signature_of(backup: Path) -> Path:
    """Path of a backup's signature file."""
    return backup.with_name(f"{backup.name}.sig")


def measure(path: Path, also: Callable[[bytes], object] = lambda _chunk: None) -> FileDigest:
    """Digest and size of a file; `also` gets every chunk read. Raises OSError."""
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
            also(chunk)
    return FileDigest(digest.hexdigest(), size)


def sign(content: BackupContent, measured: FileDigest, signer: BackupSigner, now: int) -> bytes:
    """The content of the signature file of a measured backup; `now` in microseconds."""
    statement = msgspec.json.encode(
        BackupStatement(
            at=now,
            digest=measured.digest,
            epoch=content.epoch,
            format=FORMAT,
            heads=content.heads,
            installation=content.installation,
            schema=content.schema,
            size=measured.size,
        )
    )
    signed = SignatureFile(statement.decode(), signer.sign_backup(statement).hex(), signer.backup_key.hex())
    return msgspec.json.encode(signed) + b"\n"


def check_signature(backup: Path, found: FileDigest, signer: BackupSigner) -> SignatureCheck:
    """Check the signature beside the backup against the measured bytes. Raises OSError."""
    path = signature_of(backup)
    if not os.path.lexists(path):
        return SignatureCheck(SignatureVerdict.UNSIGNED)
    with path.open("rb") as file:
        content = file.read(_MAX_SIGNATURE_FILE)
    try:
        signed = msgspec.json.decode(content, type=SignatureFile)
        signature = bytes.fromhex(signed.signature)
        statement = msgspec.json.decode(signed.statement, type=BackupStatement)
    except (msgspec.DecodeError, ValueError):
        return SignatureCheck(SignatureVerdict.FOREIGN)
    if statement.format != FORMAT or not signer.verify_backup(signed.statement.encode(), signature):
        return SignatureCheck(SignatureVerdict.FOREIGN)
    if (statement.digest, statement.size) != found:
        return SignatureCheck(SignatureVerdict.CHANGED)
    return SignatureCheck(SignatureVerdict.SIGNED, statement.at)


def refusal(backup: Path, verdict: SignatureVerdict) -> StoreRefused:
    """The error for a backup without a valid signature."""
    why = REFUSALS[verdict].format(file=backup, signature=signature_of(backup))
    return StoreRefused(f"{why}. If you know its origin, --unsigned restores it; that is recorded and reported.")
