"""Restores a backup where no server runs: checks its signature, records the restore in every chain, replaces data."""

import os
import pwd
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from keyturn.audit import chain_queries, journal
from keyturn.audit.checkpoints import CheckpointStatement, SignedStatement, readable_checkpoints
from keyturn.audit.restores import ChainPosition, RestoreNotRecorded, record_restore
from keyturn.audit.sealing import ChainForked
from keyturn.auth.keyring import Keyring
from keyturn.clock import Clock, iso_time
from keyturn.store.backup_signature import SignatureVerdict, check_signature, refusal
from keyturn.store.port import Database, ReadTx, StagedDatabase, StatementFailed, StoreRefused, Tx

UNVERIFIED = "backup.unverified"
"""Audit kind: a backup without a good signature was restored."""
ACTOR = "operator:local"
_MANIPULATED = (ChainForked, StatementFailed, ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What work on a manipulated database may raise: its content is nothing that Keyturn writes."""
_HIGHEST_SEQ = 2**60
_HIGHEST_EPOCH = 1_000_000_000
"""Higher ones are manipulated, and ignored."""


class KnownHistory(NamedTuple):
    """What other sources than the backup say of the time before the restore: it must continue all of it."""

    places: dict[str, ChainPosition]
    """Chain heads of the database that is replaced, by chain."""
    epoch: int
    """The highest known."""
    at: int
    """Instant of the newest signed checkpoint."""


class Restored(NamedTuple):
    """Result of a restore."""

    epoch: int
    """The new one."""
    verdict: SignatureVerdict
    made_at: str | None
    """When the backup was made, RFC 3339; None: not signed."""


NO_HISTORY = KnownHistory({}, 0, 0)


def restore(
    backup: Path,
    database: Database,
    keyring: Keyring,
    clock: Clock,
    *,
    unsigned: bool = False,
    checkpoint_file: Path | None = None,
    first: Callable[[Tx], None] = lambda _tx: None,
) -> Restored:
    """Replace the installation's data by a backup. Raises `StoreRefused`.

    A backup whose signature is missing or wrong is restored only with `unsigned`. `checkpoint_file` is the file to
    which the installation appends checkpoints. `first` runs before the restore is recorded. Commands that are unsent
    in the backup are never sent, because they may have been sent since.
    """
    with database.stage_backup(backup) as incoming:
        judgement = check_signature(backup, incoming.measured, keyring)
        if judgement.verdict is not SignatureVerdict.SIGNED and not unsigned:
            raise refusal(backup, judgement.verdict)
        known = _known_history(database, keyring, checkpoint_file)
        with incoming.opened(clock.now()) as content:
            _check_keys(content, backup, keyring)
            epoch = max(content.epoch, known.epoch) + 1
            made_at = None if judgement.made_at is None else iso_time(judgement.made_at)
            about = {
                "file": backup.name,
                "digest": incoming.measured.digest,
                "made_at": made_at,
                "signature_verdict": str(judgement.verdict),
                "username": _user(),
            }
            now = max(clock.now(), content.committed_time, known.at)
            try:
                with content.unit(now) as tx:
                    first(tx)
                    _enter(tx, keyring, epoch, known, about)
            except (*_MANIPULATED, RestoreNotRecorded) as error:
                raise StoreRefused(f"{backup} cannot go on: the restore cannot be entered ({error}).") from error
        incoming.put_in_place(epoch)
    return Restored(epoch, judgement.verdict, made_at)


def _enter(tx: Tx, keyring: Keyring, epoch: int, known: KnownHistory, about: dict[str, Any]) -> None:
    """Record the restore in the database that was taken in."""
    if epoch > _HIGHEST_EPOCH:
        raise RestoreNotRecorded("its epoch cannot be raised")
    newest = tx.one("SELECT max(seq) FROM entry")
    if newest and (newest[0] or 0) > _HIGHEST_SEQ:  # past the last number a store may reuse a free one
        raise RestoreNotRecorded("its entries are numbered to the end")
    if about["signature_verdict"] != SignatureVerdict.SIGNED:
        journal.record(tx, UNVERIFIED, company_id=None, actor=ACTOR, epoch=epoch, **about)
    record_restore(tx, keyring, epoch=epoch, replaced=known.places, actor=ACTOR, **about)


def _check_keys(content: StagedDatabase, backup: Path, keyring: Keyring) -> None:
    fingerprint = content.fact("keys")
    if fingerprint is not None and fingerprint != keyring.fingerprint():
        raise StoreRefused(f"{backup} belongs to another key file; restore with the one it was made with.")


def _known_history(database: Database, keyring: Keyring, checkpoint_file: Path | None) -> KnownHistory:
    """From whatever can be read: the database that is replaced may be damaged or manipulated."""
    current = NO_HISTORY
    with suppress(StoreRefused, StatementFailed, ValueError, TypeError), database.read_offline() as tx:
        current = _from_database(tx, keyring)
    filed_history = NO_HISTORY
    if checkpoint_file is not None:
        with suppress(OSError):
            filed_history = _from_checkpoints(readable_checkpoints(checkpoint_file), keyring)
    earlier = [epoch for epoch in database.earlier_epochs() if epoch < _HIGHEST_EPOCH]
    epoch = max([current.epoch, filed_history.epoch, *earlier])
    return KnownHistory(current.places, epoch, max(current.at, filed_history.at))


def _from_database(tx: ReadTx, keyring: Keyring) -> KnownHistory:
    row = tx.one("SELECT CAST(value AS INTEGER) FROM store_fact WHERE name = 'epoch'")
    epoch = int(row[0]) if row and 0 <= int(row[0]) < _HIGHEST_EPOCH else 0
    places = {head.chain: ChainPosition(epoch, head.number, head.hash.hex()) for head in chain_queries.heads(tx)}
    signed = _from_checkpoints((one for one, _chain in chain_queries.checkpoints(tx)), keyring)
    return KnownHistory(places, max(epoch, signed.epoch), signed.at)


def _from_checkpoints(checkpoints: Iterator[SignedStatement], keyring: Keyring) -> KnownHistory:
    """From those that this installation's key signed."""
    read: Iterator[CheckpointStatement | None] = (
        one.read() for one in checkpoints if one.signed_by([keyring.checkpoint_key])
    )
    statements = [statement for statement in read if statement is not None]
    return KnownHistory(
        {}, max((each.epoch for each in statements), default=0), max((each.at for each in statements), default=0)
    )


def _user() -> str:
    """The user that runs this, from the operating system; the environment could be forged."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())
