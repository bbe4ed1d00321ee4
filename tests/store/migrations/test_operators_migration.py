"""A data directory with operators of before closeness was one table: nobody and nothing is lost, and it opens."""

from contextlib import closing
from pathlib import Path

import pytest

from keyturn.store.sqlite.directory import FILE_NAME
from keyturn.store.sqlite.migration import apply_migration, known_migrations
from keyturn.store.sqlite.store import open_sqlite
from tests.support.clock import ManualClock
from tests.support.store_reader import connect

pytestmark = pytest.mark.anyio

OLD = """
INSERT INTO company VALUES ('c', 'Frota', 1, 0);
INSERT INTO operator (id, name, email, role, company_id, grants, password, totp, totp_step, admin_until, active,
                      created_by, created_at)
VALUES ('o1', 'ana', 'a@b.c', 'admin', NULL, '[]', 'hash', x'01', 7, NULL, 1, 'local', 1),
       ('o2', 'bia', 'b@b.c', 'viewer', 'c', '["start"]', 'hash', NULL, 0, 5, 0, 'o1', 2);
INSERT INTO credential_reset VALUES ('o2', 'o1', 3);
INSERT INTO application (id, company_id, name, client_id, client_secret_hash, secret_version, grants, active,
                         created_at, created_by)
VALUES ('a', 'c', 'erp', 'client', 'hash', 1, '[]', 1, 4, 'o1');
INSERT INTO responsible_operator VALUES ('a', 'o2');
INSERT INTO change (id, operation, arguments, company_id, state, proposed_by, proposed_at, approved_by, effective_at)
VALUES ('ch', 'plan set', '{}', NULL, 'pending', 'o1', 5, 'o2', 6);
"""


def old_directory(directory: Path) -> None:
    directory.mkdir(mode=0o700)
    with closing(connect(directory / FILE_NAME)) as connection:
        for migration in known_migrations():
            if migration.number < 13:
                apply_migration(connection, migration, 0)
        connection.execute(OLD).fetchall()
    (directory / FILE_NAME).chmod(0o600)


async def test_operators_and_what_refers_to_them_come_along(tmp_path: Path) -> None:
    old_directory(tmp_path / "data")
    store = open_sqlite(tmp_path / "data", ManualClock(), lambda _topic, _key, _row=None: None)
    try:
        rows = await store.read(
            lambda tx: tx.all(
                "SELECT id, name, role, company_id, grants, totp, totp_step, admin_until, active FROM operator"
            )
        )
        near = await store.read(lambda tx: tx.all("SELECT subject, operator_id, deed, at FROM closeness ORDER BY 4"))
        refers = await store.read(lambda tx: tx.all("SELECT operator_id FROM responsible_operator"))
        change = await store.read(lambda tx: tx.all("SELECT proposed_by, approved_by, named FROM change"))
        broken = await store.read(lambda tx: tx.all("PRAGMA foreign_key_check"))
    finally:
        await store.close()

    assert rows == [
        ("o1", "ana", "admin", None, "[]", b"\x01", 7, None, 1),
        ("o2", "bia", "viewer", "c", '["start"]', None, 0, 5, 0),
    ]
    assert near == [
        ("o1", "local", "hired", 1),
        ("o2", "o1", "hired", 2),
        ("o2", "o1", "reset", 3),
        ("a", "o1", "made", 4),
    ]
    assert (refers, change, broken) == ([("o2",)], [("o1", "o2", None)], [])


async def test_a_reference_to_a_missing_operator_is_still_refused(tmp_path: Path) -> None:
    old_directory(tmp_path / "data")
    store = open_sqlite(tmp_path / "data", ManualClock(), lambda _topic, _key, _row=None: None)
    try:
        with pytest.raises(Exception, match="FOREIGN KEY"):
            await store.write(lambda tx: tx.run("INSERT INTO responsible_operator VALUES ('a', 'nobody')"))
    finally:
        await store.close()
