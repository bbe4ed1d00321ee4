"""Checks that a database has exactly the tables, indexes and constraints that its migrations make.

The table of applied migrations proves nothing, because it can be edited. An added trigger could undo writes, a view
could hide rows, and a missing constraint could allow duplicates.
"""

import re
from collections.abc import Iterable, Sequence
from contextlib import closing
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import apsw

from keyturn.store.port import StructureChanged
from keyturn.store.sqlite.migration import Migration, apply_migration, known_migrations, pending_migrations

_SCHEMA = "SELECT type, name, tbl_name, sql FROM sqlite_schema"
_STATISTICS = frozenset(
    {
        ("table", "sqlite_stat1", "sqlite_stat1", "CREATE TABLE sqlite_stat1(tbl,idx,stat)"),
        ("table", "sqlite_stat4", "sqlite_stat4", "CREATE TABLE sqlite_stat4(tbl,idx,neq,nlt,ndlt,sample)"),
    }
)
"""Tables that ANALYZE makes; they affect only query plans."""
# As SQLite's own tokenizer: white space is ASCII, and every non-ASCII character is part of a name.
_TOKEN = re.compile(
    r"(?P<ignored>[ \t\n\f\r]+|--[^\n]*|/\*(?s:.*?)(?:\*/|\Z))"
    r"|[xX]?'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|`(?:[^`]|``)*`|\[[^\]]*\]"
    r"|(?P<word>[A-Za-z0-9_$\x80-\U0010ffff]+)|(?s:.)"
)

Row = tuple[str, str, str, str]


class _Structure(NamedTuple):
    rows: frozenset[Row]
    """Rows of the schema table."""
    objects: dict[tuple[str, str, str], str]
    """Each object's normalized definition by type, name and table."""


def check_structure(connection: apsw.Connection, path: Path, applied: Sequence[Migration]) -> None:
    """Compare with the structure that the applied migrations make. Raises StructureChanged."""
    reference = _structure_after(tuple(applied))
    rows = _schema_rows(connection)
    if rows == reference.rows:
        return
    found = _objects(rows)
    for key in sorted(found.keys() | reference.objects.keys()):
        if found.get(key) != reference.objects.get(key):
            raise StructureChanged(
                f"{path} does not have the structure that Keyturn makes: {_difference(key, found, reference)}."
            )


def check_own_structure(connection: apsw.Connection, path: Path) -> Sequence[Migration]:
    """Check the structure; returns the pending migrations. Raises StoreRefused."""
    known = known_migrations()
    pending = pending_migrations(connection, path, known)
    check_structure(connection, path, known[: len(known) - len(pending)])
    return pending


def _difference(key: tuple[str, str, str], found: dict[tuple[str, str, str], str], reference: _Structure) -> str:
    kind, name, _table = key
    what = f"the {kind} {name!r}"
    if key not in reference.objects:
        return f"{what} is none of its own"
    return f"{what} is missing" if key not in found else f"{what} was changed"


@lru_cache(maxsize=64)
def _structure_after(migrations: tuple[Migration, ...]) -> _Structure:
    """The structure that the migrations make, built in memory; cached, it takes some milliseconds."""
    with closing(apsw.Connection(":memory:")) as connection:
        for migration in migrations:
            apply_migration(connection, migration, 0)
        rows = _schema_rows(connection)
    return _Structure(rows, _objects(rows))


def _schema_rows(connection: apsw.Connection) -> frozenset[Row]:
    found = connection.execute(_SCHEMA).fetchall()
    return (
        frozenset((str(kind), str(name), str(table), str(sql or "")) for kind, name, table, sql in found) - _STATISTICS
    )


def _objects(rows: Iterable[Row]) -> dict[tuple[str, str, str], str]:
    return {(kind, name, table): _normalized(sql) for kind, name, table, sql in rows}


@lru_cache(maxsize=1024)
def _normalized(sql: str) -> str:
    """SQL without comments and white space, words in lower case. Quoted text stays: `"NOT"` is a name, NOT is not."""
    tokens = (match for match in _TOKEN.finditer(sql) if match["ignored"] is None)
    return "\n".join(_lower_ascii(match[0]) if match["word"] else match[0] for match in tokens)


def _lower_ascii(word: str) -> str:
    """Lower-case ASCII only, as SQLite does: the Kelvin sign is not a k."""
    return word.encode(errors="surrogatepass").lower().decode(errors="surrogatepass")
