"""The signature of a backup: a file beside it, so that nobody without the key file can change one unnoticed."""

import hashlib
import os
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

import msgspec

from keyturn.store.port import BackupSigner, Measured, StoreRefused

FORMAT = "keyturn-backup-1"
_PIECE = 1_048_576
_LONGEST = 64 * _PIECE
"""Octets of a signature file that are read at most: it names every chain."""


class Verdict(StrEnum):
    """What its signature says of a backup."""

    SIGNED = "signed"
    UNSIGNED = "unsigned"
    CHANGED = "changed"
    FOREIGN = "foreign"


class Judgement(NamedTuple):
    """What a signature is worth."""

    verdict: Verdict
    made_at: int | None = None
    """When the backup was made, where that is signed."""


REFUSALS = {
    Verdict.UNSIGNED: "{file} has no signature ({signature}): it is older than signatures, or not of our making",
    Verdict.CHANGED: "{file} is not the backup that {signature} was made for: one of the two was changed",
    Verdict.FOREIGN: "{signature} was not made with the key file of this installation",
}
"""Why a backup is not restored; the sentence goes on with the option that does it all the same."""


class Statement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
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


class Content(NamedTuple):
    """What a backup holds, as far as its signature says it; see `Statement`."""

    epoch: int
    heads: dict[str, tuple[int, str]]
    installation: str
    schema: int


def signature_of(backup: Path) -> Path:
    """Where a backup's signature is."""
    return backup.with_name(f"{backup.name}.sig")


def measure(path: Path, also: Callable[[bytes], object] = lambda _piece: None) -> Measured:
    """Digest and size of a file; `also` is given its octets. Raises OSError."""
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
            size += len(piece)
            also(piece)
    return Measured(digest.hexdigest(), size)


def sign(content: Content, measured: Measured, signer: BackupSigner, now: int) -> bytes:
    """The signature file of a backup that was measured; `now` in microseconds."""
    statement = msgspec.json.encode(
        Statement(
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


def judge(backup: Path, found: Measured, signer: BackupSigner) -> Judgement:
    """What the signature beside the backup says of octets that were measured. Raises OSError."""
    path = signature_of(backup)
    if not os.path.lexists(path):
        return Judgement(Verdict.UNSIGNED)
    with path.open("rb") as file:
        content = file.read(_LONGEST)
    try:
        signed = msgspec.json.decode(content, type=SignatureFile)
        signature = bytes.fromhex(signed.signature)
        statement = msgspec.json.decode(signed.statement, type=Statement)
    except (msgspec.DecodeError, ValueError):
        return Judgement(Verdict.FOREIGN)
    if statement.format != FORMAT or not signer.signed_backup(signed.statement.encode(), signature):
        return Judgement(Verdict.FOREIGN)
    if (statement.digest, statement.size) != found:
        return Judgement(Verdict.CHANGED)
    return Judgement(Verdict.SIGNED, statement.at)


def refuse(backup: Path, verdict: Verdict) -> StoreRefused:
    why = REFUSALS[verdict].format(file=backup, signature=signature_of(backup))
    return StoreRefused(f"{why}. If you know where it comes from, --unsigned restores it; that is entered and told.")
