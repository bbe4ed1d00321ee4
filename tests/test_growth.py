"""What is asked again and again does not read more rows the more there are: it is answered by an index."""

from contextlib import closing

import pytest

from keyturn.audit import chain_queries
from keyturn.commands.model import record
from keyturn.commands.operations import command_details
from keyturn.store.sqlite.migration import apply_migration, known_migrations
from keyturn.store.sqlite.transaction import without_lock
from keyturn.tenants import limits
from tests.support.store_reader import connect

SEARCHED = {
    "chains without a head": chain_queries._CHAINS_WITHOUT_HEAD,
    "immobilised vehicles of a company": limits._IMMOBILISED,
    "its vehicles that were seen": limits._FLEET,
    "a page of the open commands": record._STATES_OF_OPEN,
    "open commands that are due": record._OPEN_DUE,
    "open commands of a vehicle": record._OPEN_OF_VEHICLE,
    "the commands of a vehicle": "SELECT id FROM command WHERE vehicle_id = :id AND id > :after ORDER BY id LIMIT 50",
    "the entries of a command": command_details._TIMELINE,
}
GROWING = ("command", "open_command", "entry", "vehicle", "vehicle_evidence", "immobilisation")
FEW = ("open_command_disabling",)
"""Indexes that hold few of a table's rows."""


@pytest.mark.parametrize("name", SEARCHED)
def test_no_table_that_grows_is_read_whole(name: str) -> None:
    with closing(connect(":memory:")) as connection:
        for migration in known_migrations():
            apply_migration(connection, migration, 0)
        plan = [str(row[3]) for row in connection.execute(f"EXPLAIN QUERY PLAN {without_lock(SEARCHED[name])}", _Any())]

    scans = [step for step in plan if step.startswith("SCAN") and step.split()[1] in (*GROWING, *"oclve")]
    scans = [step for step in scans if step.split()[-1] not in FEW]
    assert scans == []


class _Any(dict[str, object]):
    """A value for every parameter."""

    def __missing__(self, _name: str) -> int:
        return 1
