"""The signature of a backup: a file beside it, so that nobody without the key file can change one unnoticed."""

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
"""Octets of a signature file that are read at most: it names every chain."""


class SignatureVerdict(StrEnum):
    """What its signature says of a backup."""

    SIGNED = "signed"
    UNSIGNED = "unsigned"
    CHANGED = "changed"
    FOREIGN = "foreign"


class SignatureCheck(NamedTuple):
    """What a signature is worth."""

    verdict: SignatureVerdict
    made_at: int | None = None
    """When the backup was made, where that is signed."""


REFUSALS = {
    SignatureVerdict.UNSIGNED: "{file} has no signature ({signature}): it predates signatures, or is not ours",
    SignatureVerdict.CHANGED: "{file} is not the backup that {signature} was made for: one of the two was changed",
    SignatureVerdict.FOREIGN: "{signature} was not made with the key file of this installation",
}
"""Why a backup is not restored; the sentence goes on with the option that does it all the same."""


class BackupStatement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is signed."""

    at: int
    """When it was made, in microseconds."""
    digest: str
    """SHA-256 of the file, hex."""
    epoch: int
    format: str
    heads: dict[str, tuple[int, str]]
    """Number and hash (hex) of the newest sealed entry of each chain; '' is the installation's."""
    installation: str
    schema: int
    """The newest migration in it."""
    size: int
    """Bytes."""


class SignatureFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Signature and public key in hex."""

    statement: str
    """JSON, exactly as signed."""
    signature: str
    key: str


class BackupContent(NamedTuple):
    """What a backup holds, as far as its signature says it; see `Statement`."""

    epoch: int
    heads: dict[str, tuple[int, str]]
    installation: str
    schema: int


def signature_of(backup: Path) -> Path:
    """Where a backup's signature is."""
    return backup.with_name(f"{backup.name}.sig")


def measure(path: Path, also: Callable[[bytes], object] = lambda _piece: None) -> FileDigest:
    """Digest and size of a file; `also` is given its octets. Raises OSError."""
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while piece := file.read(_CHUNK):
            digest.update(piece)
            size += len(piece)
            also(piece)
    return FileDigest(digest.hexdigest(), size)


def sign(content: BackupContent, measured: FileDigest, signer: BackupSigner, now: int) -> bytes:
    """The signature file of a backup that was measured; `now` in microseconds."""
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
    """What the signature beside the backup says of octets that were measured. Raises OSError."""
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
    if statement.format != FORMAT or not signer.signed_backup(signed.statement.encode(), signature):
        return SignatureCheck(SignatureVerdict.FOREIGN)
    if (statement.digest, statement.size) != found:
        return SignatureCheck(SignatureVerdict.CHANGED)
    return SignatureCheck(SignatureVerdict.SIGNED, statement.at)


def refusal(backup: Path, verdict: SignatureVerdict) -> StoreRefused:
    why = REFUSALS[verdict].format(file=backup, signature=signature_of(backup))
    return StoreRefused(f"{why}. If you know where it comes from, --unsigned restores it; that is entered and told.")
