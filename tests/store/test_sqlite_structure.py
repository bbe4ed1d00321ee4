"""A database is opened only if its structure is what its migrations make, whatever its ledger says."""

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from keyturn.store.port import StoreRefused
from keyturn.store.sqlite.connection import connect
from keyturn.store.sqlite.directory import FILE_NAME
from keyturn.store.sqlite.migration import apply_migration, known_migrations
from keyturn.store.sqlite.offline import read_offline
from keyturn.store.sqlite.store import open_sqlite
from tests.support.clock import ManualClock
from tests.support.store_reader import changed as rows_changed

pytestmark = pytest.mark.anyio


def changed(definition: str, old: str, new: str) -> list[str]:
    """Statements that reword the stored definition of a table or an index."""
    return [
        "PRAGMA writable_schema = ON",
        f"UPDATE sqlite_schema SET sql = replace(sql, '{old}', '{new}') WHERE name = '{definition}'",
    ]


CHANGES: dict[str, tuple[Sequence[str], str]] = {
    "a trigger that deletes entries": (
        ["CREATE TRIGGER hush AFTER INSERT ON entry BEGIN DELETE FROM entry WHERE seq = NEW.seq; END"],
        "the trigger 'hush' is none of its own",
    ),
    "a view that hides": (
        ["ALTER TABLE entry RENAME TO whole", "CREATE VIEW entry AS SELECT * FROM whole WHERE kind <> 'x'"],
        "",
    ),
    "another table": (["CREATE TABLE invoice (id INTEGER)"], "the table 'invoice' is none of its own"),
    "a virtual table": (["CREATE VIRTUAL TABLE words USING fts5 (text)"], "is none of its own"),
    "another index": (["CREATE INDEX mine ON vehicle (vin)"], "the index 'mine' is none of its own"),
    "an index less": (["DROP INDEX vehicle_active_vin"], "the index 'vehicle_active_vin' is missing"),
    "a table less": (["DROP TABLE nonce"], "is missing"),
    "a column more": (["ALTER TABLE command ADD COLUMN more TEXT"], "the table 'command' was changed"),
    "an index that is unique no more": (
        ["DROP INDEX vehicle_active_vin", "CREATE INDEX vehicle_active_vin ON vehicle (vin) WHERE active = 1"],
        "the index 'vehicle_active_vin' was changed",
    ),
    "an index over other rows": (
        ["DROP INDEX vehicle_active_vin", "CREATE UNIQUE INDEX vehicle_active_vin ON vehicle (vin) WHERE active = 2"],
        "the index 'vehicle_active_vin' was changed",
    ),
    "a check less": (changed("company", "CHECK (active IN (0, 1))", ""), "the table 'company' was changed"),
    "a type": (changed("alert_cursor", "seq INTEGER", "seq TEXT"), "the table 'alert_cursor' was changed"),
    "a reference less": (changed("policy", "REFERENCES company", ""), "the table 'policy' was changed"),
    "a constraint that is only quoted": (
        changed("plan", "NOT NULL UNIQUE", '"NOT" "NULL" UNIQUE'),
        "'plan' was changed",
    ),
    "a constraint glued by a blank that is none": (
        changed("plan", "NOT NULL UNIQUE", "NOT\u00a0NULL UNIQUE"),
        "the table 'plan' was changed",
    ),
    "a key word with a letter that only looks like it": (
        changed("company", "CHECK (active", "CHEC\u212a (active"),
        "",
    ),
}


def database(directory: Path, *, migrations: int | None = None) -> Path:
    directory.mkdir(exist_ok=True)
    path = directory / FILE_NAME
    path.touch()
    with closing(connect(path, "rw")) as connection:
        for migration in known_migrations()[:migrations]:
            apply_migration(connection, migration, 1)
    return path


def edit(path: Path, statements: Sequence[str]) -> None:
    with closing(connect(path, "rw")) as connection:
        for statement in statements:
            assert rows_changed(connection, statement), f"{statement} changed nothing"


@pytest.mark.parametrize("name", CHANGES)
def test_a_changed_structure_is_refused_for_writing_and_for_reading(tmp_path: Path, name: str) -> None:
    statements, message = CHANGES[name]
    path = database(tmp_path)
    edit(path, statements)

    with pytest.raises(StoreRefused) as refused:
        open_sqlite(tmp_path, ManualClock(), lambda _topic, _key, _row=None: None)
    with pytest.raises(StoreRefused), read_offline(tmp_path):
        pass

    assert message in str(refused.value)
    assert "structure" in str(refused.value) or name == "a key word with a letter that only looks like it"


@pytest.mark.parametrize("migrations", range(1, len(known_migrations()) + 1))
async def test_a_database_of_any_earlier_version_is_opened_and_brought_up_to_date(
    tmp_path: Path, migrations: int
) -> None:
    database(tmp_path, migrations=migrations)

    await open_sqlite(tmp_path, ManualClock(), lambda _topic, _key, _row=None: None).close()
    await open_sqlite(tmp_path, ManualClock(), lambda _topic, _key, _row=None: None).close()


def test_an_older_database_is_compared_with_its_own_version_before_it_is_migrated(tmp_path: Path) -> None:
    path = database(tmp_path, migrations=6)
    edit(path, ["CREATE TRIGGER hush AFTER INSERT ON entry BEGIN DELETE FROM entry; END"])
    before = path.read_bytes()

    with pytest.raises(StoreRefused, match="hush"):
        open_sqlite(tmp_path, ManualClock(), lambda _topic, _key, _row=None: None)

    assert path.read_bytes() == before


async def test_another_wording_of_the_same_structure_is_not_a_change(tmp_path: Path) -> None:
    path = database(tmp_path)
    edit(path, changed("company", "CHECK (active IN (0, 1))", "check  (active IN (0,1)) /* on or off */ "))
    edit(path, ["ANALYZE"])

    await open_sqlite(tmp_path, ManualClock(), lambda _topic, _key, _row=None: None).close()


def test_no_connection_trusts_what_a_schema_calls(tmp_path: Path) -> None:
    path = database(tmp_path)
    for mode in ("ro", "rw"):
        with closing(connect(path, mode)) as connection:
            assert connection.execute("PRAGMA trusted_schema").fetchone() == (0,)
