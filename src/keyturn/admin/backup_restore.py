"""Restoring a backup where no server runs: judged, entered into every chain, signed, put in place."""

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
"""Kind of the entry that says that a backup without a good signature was restored."""
ACTOR = "operator:local"
_UNLIKE_OURS = (ChainForked, StatementFailed, ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What work on a database raises in which somebody wrote what Keyturn never does."""
_HIGHEST_SEQ = 2**60
_HIGHEST_EPOCH = 1_000_000_000
"""Whatever somebody may have put in the place of an epoch."""


class KnownHistory(NamedTuple):
    """What is known of the time before the restore from elsewhere than the backup."""

    places: dict[str, ChainPosition]
    """Heads of the database that is there, by chain."""
    epoch: int
    """The highest that anything tells of."""
    at: int
    """When the newest checkpoint was signed."""


class Restored(NamedTuple):
    """What was done."""

    epoch: int
    """The new one."""
    verdict: SignatureVerdict
    made_at: str | None
    """When the backup was made, where that is signed; RFC 3339."""


NO_HISTORY = KnownHistory({}, 0, 0)


def restore(
    backup: Path,
    database: Database,
    keyring: Keyring,
    clock: Clock,
    *,
    unsigned: bool = False,
    kept: Path | None = None,
    first: Callable[[Tx], None] = lambda _tx: None,
) -> Restored:
    """Put a backup in the place of the installation's data. Raises StoreRefused.

    A backup whose signature is missing or wrong is taken only if `unsigned` says so. `kept` is the file to which
    checkpoints are appended. `first` is done before the restore is entered. Nothing that the backup knows as unsent is
    ever sent, because it may have been sent since.
    """
    with database.stage_backup(backup) as incoming:
        judgement = check_signature(backup, incoming.measured, keyring)
        if judgement.verdict is not SignatureVerdict.SIGNED and not unsigned:
            raise refusal(backup, judgement.verdict)
        known = _known(database, keyring, kept)
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
            except (*_UNLIKE_OURS, RestoreNotRecorded) as error:
                raise StoreRefused(f"{backup} cannot go on: the restore cannot be entered ({error}).") from error
        incoming.put_in_place(epoch)
    return Restored(epoch, judgement.verdict, made_at)


def _enter(tx: Tx, keyring: Keyring, epoch: int, known: KnownHistory, about: dict[str, Any]) -> None:
    """Write down, in the database that was taken in, what becomes of it."""
    if epoch > _HIGHEST_EPOCH:
        raise RestoreNotRecorded("its epoch cannot be raised")
    newest = tx.one("SELECT max(seq) FROM entry")
    if newest and (newest[0] or 0) > _HIGHEST_SEQ:  # behind the last possible one a store may take any that is free
        raise RestoreNotRecorded("its entries are numbered to the end")
    if about["signature_verdict"] != SignatureVerdict.SIGNED:
        journal.record(tx, UNVERIFIED, company_id=None, actor=ACTOR, epoch=epoch, **about)
    record_restore(tx, keyring, epoch=epoch, replaced=known.places, actor=ACTOR, **about)


def _check_keys(content: StagedDatabase, backup: Path, keyring: Keyring) -> None:
    fingerprint = content.fact("keys")
    if fingerprint is not None and fingerprint != keyring.fingerprint():
        raise StoreRefused(f"{backup} belongs to another key file; restore with the one it was made with.")


def _known(database: Database, keyring: Keyring, kept: Path | None) -> KnownHistory:
    """What can be read: the database there may be damaged, which is why a backup is restored, or somebody's work."""
    there = NO_HISTORY
    with suppress(StoreRefused, StatementFailed, ValueError, TypeError), database.read_offline() as tx:
        there = _in_place(tx, keyring)
    elsewhere = NO_HISTORY
    if kept is not None:
        with suppress(OSError):
            elsewhere = _signed(readable_checkpoints(kept), keyring)
    earlier = [epoch for epoch in database.earlier_epochs() if epoch < _HIGHEST_EPOCH]
    epoch = max([there.epoch, elsewhere.epoch, *earlier])
    return KnownHistory(there.places, epoch, max(there.at, elsewhere.at))


def _in_place(tx: ReadTx, keyring: Keyring) -> KnownHistory:
    row = tx.one("SELECT CAST(value AS INTEGER) FROM store_fact WHERE name = 'epoch'")
    epoch = int(row[0]) if row and 0 <= int(row[0]) < _HIGHEST_EPOCH else 0
    places = {head.chain: ChainPosition(epoch, head.number, head.hash.hex()) for head in chain_queries.heads(tx)}
    signed = _signed((one for one, _chain in chain_queries.checkpoints(tx)), keyring)
    return KnownHistory(places, max(epoch, signed.epoch), signed.at)


def _signed(checkpoints: Iterator[SignedStatement], keyring: Keyring) -> KnownHistory:
    """Of what this installation's key signed."""
    read: Iterator[CheckpointStatement | None] = (
        one.read() for one in checkpoints if one.signed_by([keyring.checkpoint_key])
    )
    told = [statement for statement in read if statement is not None]
    return KnownHistory({}, max((each.epoch for each in told), default=0), max((each.at for each in told), default=0))


def _user() -> str:
    """Who runs this, as the operating system knows it; the environment could say anything."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())
