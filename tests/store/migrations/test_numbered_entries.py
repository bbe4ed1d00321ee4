"""Numbers and hashes move into the entries: what was sealed is not sealed anew, and what was missing is missing."""

from contextlib import closing

from keyturn.store.sqlite.migration import apply_migration, known_migrations
from tests.support.store_reader import connect

NUMBERED = 20
_OLD = """
INSERT INTO entry (seq, company_id, at, actor, kind, vehicle_id, command_id, body) VALUES
  (1, 'c', 5, 'a', 'k', 'v', 'x', '{"n":1}'), (2, NULL, 6, 'b', 'store.restored', NULL, NULL, '{}'),
  (3, 'c', 7, 'a', 'k', NULL, NULL, '{"vin":"V"}'), (5, 'c', 8, 'a', 'k', NULL, NULL, '{}');
INSERT INTO chain_link (seq, chain, number, prev, hash, personal, salt, personal_hash) VALUES
  (1, 'c', 1, x'00', x'01', NULL, NULL, NULL), (2, '', 1, x'00', x'0a', NULL, NULL, NULL),
  (3, 'c', 2, x'01', x'02', '["vin"]', x'77', x'88'), (4, 'c', 3, x'02', x'03', NULL, NULL, NULL);
"""
_ENTRIES = """
SELECT seq, company_id, at, body, number, prev, hash, personal, salt, personal_hash FROM entry ORDER BY seq
"""


def test_entries_keep_their_numbers_and_one_that_was_deleted_leaves_its_gap() -> None:
    with closing(connect(":memory:")) as connection:
        for migration in known_migrations():
            if migration.number == NUMBERED:
                connection.execute("PRAGMA foreign_keys = OFF; " + _OLD).fetchall()
            apply_migration(connection, migration, 0)

        assert connection.execute(_ENTRIES).fetchall() == [
            (1, "c", 5, '{"n":1}', 1, b"\x00", b"\x01", None, None, None),
            (2, None, 6, "{}", 1, b"\x00", b"\x0a", None, None, None),
            (3, "c", 7, '{"vin":"V"}', 2, b"\x01", b"\x02", '["vin"]', b"\x77", b"\x88"),
            (5, "c", 8, "{}", None, None, None, None, None, None),
        ]
        assert connection.execute("SELECT count(*) FROM sqlite_schema WHERE name LIKE 'chain_link%'").get == 0
