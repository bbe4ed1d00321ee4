"""Makes signed copies of the database while the server runs.

A backup holds no key: the key file is not part of the database.
"""

import os
from contextlib import closing
from pathlib import Path

import apsw

from keyturn.private_files import make_new, private_folder, publish
from keyturn.store.backup_signature import BackupContent, measure, sign, signature_of
from keyturn.store.port import BackupSigner, FileDigest, StoreRefused
from keyturn.store.sqlite.connection import connect
from keyturn.store.sqlite.directory import FILE_NAME, translate_errors
from keyturn.store.sqlite.structure import check_own_structure

_HEADS = "SELECT chain, number, hash FROM chain_head ORDER BY chain"
_PAGES = 4096
"""Pages copied at a time, so that a large copy does not lock the file for long."""


def back_up(directory: Path, target: Path, signer: BackupSigner, now: int) -> FileDigest:
    """Copy a snapshot of the database to the new file `target`, and sign it in ``target.sig``.

    Both files have mode 0600. Runs in a thread of its own beside a running server. Raises StoreRefused.
    """
    signature = signature_of(target)
    with translate_errors(target), closing(connect(directory / FILE_NAME, "ro")) as source:
        for path in (target, signature):
            if os.path.lexists(path):
                raise StoreRefused(f"{path} exists already; a backup never overwrites a file.")
        with private_folder(target.parent) as folder:
            draft = folder / "backup"
            make_new(draft)
            with closing(connect(draft, "rw")) as copy:
                _hold_snapshot(source)
                check_own_structure(source, directory / FILE_NAME)  # a restore would refuse another structure
                _copy(source, copy)
                copy.execute("PRAGMA journal_mode = DELETE").fetchall()
            content, made = _content(draft), measure(draft)
            make_new(folder / "signature", sign(content, made, signer, now))
            publish(folder / "signature", signature)
            try:
                publish(draft, target)
            except BaseException:
                signature.unlink()
                raise
    return made


def _content(database: Path) -> BackupContent:
    """What the signature states about a closed database. Raises apsw.Error, OSError."""
    with closing(connect(database, "ro")) as connection:
        heads = {str(chain): (int(number), digest.hex()) for chain, number, digest in connection.execute(_HEADS)}
        facts = dict(connection.execute("SELECT name, value FROM store_fact WHERE name IN ('epoch', 'installation')"))
        schema = connection.execute("PRAGMA user_version").get
    return BackupContent(int(facts.get("epoch", 0)), heads, facts.get("installation", ""), schema)


def _copy(source: apsw.Connection, target: apsw.Connection) -> None:
    with target.backup("main", source, "main") as copying:
        while not copying.done:
            copying.step(_PAGES)


def _hold_snapshot(source: apsw.Connection) -> None:
    """Begin a read transaction; without it every commit would restart the copy."""
    source.execute("BEGIN")
    source.execute("SELECT count(*) FROM store_fact").fetchone()
