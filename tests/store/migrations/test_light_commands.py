"""The check of a command's status is written in another way in place: its rows stay, and so does what it allows."""

from contextlib import closing

import apsw
import pytest

from keyturn.store.sqlite.migration import apply_migration, known_migrations
from tests.support.store_reader import connect

LIGHT = 19
_COMMAND = """
INSERT INTO command (id, company_id, actor, vehicle_id, account_id, vin, name, state, fence, epoch, status, detail,
  created_at, updated_at, attempts, may_have_executed)
VALUES (?, 'c', 'app', 'v', 'a', 'VIN', 'start', 'Queued', 1, 1, ?, '{}', 1, 1, 0, 0)
"""
STATUSES = ("Confirmation", "Pending", "Success", "Error")


def _migrated() -> apsw.Connection:
    connection = connect(":memory:")
    for migration in known_migrations():
        if migration.number == LIGHT:
            for status in STATUSES:
                connection.execute(_COMMAND, (f"old {status}", status)).fetchall()
        apply_migration(connection, migration, 0)
    return connection


def test_commands_stay_and_new_ones_have_the_same_statuses() -> None:
    with closing(_migrated()) as connection:
        for status in STATUSES:
            connection.execute(_COMMAND, (f"new {status}", status)).fetchall()
        found = connection.execute("SELECT id, status FROM command ORDER BY id").fetchall()

        assert found == sorted((f"{age} {status}", status) for age in ("old", "new") for status in STATUSES)
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


@pytest.mark.parametrize("status", ["Queued", "success", ""])
def test_no_other_status_is_written(status: str) -> None:
    with closing(_migrated()) as connection, pytest.raises(apsw.ConstraintError, match="CHECK constraint failed"):
        connection.execute(_COMMAND, ("new", status)).fetchall()
