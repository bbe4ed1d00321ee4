"""What an older installation holds when it learns of guards: switches over restoring commands, consents, records."""

from contextlib import closing

from keyturn.store.sqlite.migration import apply_migration, known_migrations
from tests.support.store_reader import connect

GUARDS = 14
THROWN_AT = 1_700_000_000_000_000
_OLD = """
INSERT INTO company VALUES ('c', 'Frota', 1, 0);
INSERT INTO plan VALUES ('p', 'all', '[]', 0);
INSERT INTO oem_account VALUES ('a', 'c', 'acme', 'main', x'00', 1, 0);
INSERT INTO vehicle (id, company_id, vin, account_id, external_id, ownership, powertrain, plan_id, fuel_reserve,
  consent_at, consent_reference, active, created_at)
  VALUES ('v', 'c', 'VIN', 'a', 'VIN', 'owned', 'combustion', 'p', 10.0, 7, 'form 1', 1, 0);
INSERT INTO kill_switch VALUES ('installation', '', 'restoring', 'r', 'operator:local', 1700000000000000);
INSERT INTO kill_switch VALUES ('installation', '', 'disable', 'r', 'operator:local', 1700000000000000);
INSERT INTO immobilisation (company_id, vehicle_id, opened_by, state, opened_at) VALUES ('c', 'v', 'd', 'closed', 1);
"""


def test_what_is_there_goes_on_and_a_switch_over_restoring_commands_gets_its_end() -> None:
    with closing(connect(":memory:")) as connection:
        for migration in known_migrations():
            if migration.number == GUARDS:
                connection.execute(_OLD).fetchall()
            apply_migration(connection, migration, 0)

        ends = connection.execute("SELECT reach, ends_at, approved_by FROM kill_switch ORDER BY reach").fetchall()
        consent = connection.execute("SELECT consent_at, consent_by, consent_from FROM vehicle").fetchall()
        held = connection.execute("SELECT state, held FROM immobilisation").fetchall()
    assert ends == [("disable", None, None), ("restoring", THROWN_AT + 3_600 * 1_000_000, None)]
    assert consent == [(7, None, None)]
    assert held == [("closed", 0)]
