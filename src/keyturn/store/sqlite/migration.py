"""Applies the numbered .sql migrations, each once and in a transaction of its own."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from pathlib import Path

import apsw

from keyturn.store.port import StoreRefused

APPLICATION_ID = 0x4B657974
"""Marks the file as Keyturn's (SQLite's header, offset 68): "Keyt"."""

_MIGRATION_TABLE = """
CREATE TABLE IF NOT EXISTS migration (
  number     INTEGER PRIMARY KEY,
  name       TEXT NOT NULL,
  sha256     TEXT NOT NULL,
  applied_at INTEGER NOT NULL
);
"""


@dataclass(frozen=True)
class Migration:
    """One file: ``0001_tenancy.sql`` is number 1, name ``tenancy``."""

    number: int
    name: str
    sql: str

    @cached_property
    def sha256(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()


@cache
def known_migrations() -> tuple[Migration, ...]:
    """Every migration of this version of Keyturn, in order."""
    folder = files("keyturn.store") / "migrations" / "sqlite"
    texts = {file.name.removesuffix(".sql"): file.read_text("utf-8") for file in folder.iterdir()}
    return tuple(Migration(int(stem[:4]), stem[5:], texts[stem]) for stem in sorted(texts))


def pending_migrations(connection: apsw.Connection, path: Path, known: Sequence[Migration]) -> Sequence[Migration]:
    """Migrations not applied yet. Raises StoreRefused for a foreign file, a newer version, or another wording."""
    applied = _applied(connection, path)
    if len(applied) > len(known):
        raise StoreRefused(f"{path} was written by a newer Keyturn: this one ends at migration {len(known)}.")
    for sha256, migration in zip(applied, known, strict=False):
        if sha256 != migration.sha256:
            raise StoreRefused(f"{path} was made with another wording of migration {migration.number:04}.")
    return known[len(applied) :]


def apply_migration(connection: apsw.Connection, migration: Migration, now: int) -> None:
    """Apply and record a migration in one transaction. Raises apsw.Error with the transaction still open."""
    connection.execute(f"BEGIN IMMEDIATE; {_MIGRATION_TABLE} {migration.sql}").fetchall()
    connection.execute(
        "INSERT INTO migration (number, name, sha256, applied_at) VALUES (?, ?, ?, ?)",
        (migration.number, migration.name, migration.sha256, now),
    )
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {migration.number}")
    connection.execute("COMMIT")


def _applied(connection: apsw.Connection, path: Path) -> list[str]:
    application = connection.execute("PRAGMA application_id").get
    if application == APPLICATION_ID:
        return [row[0] for row in connection.execute("SELECT sha256 FROM migration ORDER BY number")]
    tables = connection.execute("SELECT count(*) FROM sqlite_schema").get
    if application or tables:
        raise StoreRefused(f"{path} is the SQLite database of another program.")
    return []
