"""What SQLite does for the statements of a command, from its acceptance to its end."""

from contextlib import closing

import pytest

from keyturn.connectors.responses import OutcomeKind
from keyturn.store.sqlite.migration import apply_migration, known_migrations
from keyturn.store.sqlite.transaction import SqliteTx, Statements, without_lock
from tests.support.command_env import PARKED, CommandEnv
from tests.support.store_reader import connect

TEMPORARY = ("OpenEphemeral", "OpenAutoindex", "SorterOpen")
"""Operations that make a temporary table or index, which takes as long as ten look-ups."""


@pytest.mark.parametrize("name", ["alert", "lock_door", "location"])
def test_no_statement_of_a_command_makes_a_temporary_table(
    env: CommandEnv, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    env.report(PARKED)
    statements: set[str] = set()
    for kind, method in ((Statements, "one"), (Statements, "all"), (SqliteTx, "run"), (SqliteTx, "run_many")):
        monkeypatch.setattr(kind, method, _noted(statements, getattr(kind, method)))

    env.respond(env.send(name), OutcomeKind.SUCCEEDED)

    assert len(statements) > 8
    assert {sql: found for sql in statements if (found := _temporary(sql))} == {}


def _noted(statements: set[str], method: object) -> object:
    def noted(self: object, sql: str, /, *values: object, **named: object) -> object:
        statements.add(without_lock(sql))
        return method(self, sql, *values, **named)  # type: ignore[operator]

    return noted


def _temporary(sql: str) -> list[str]:
    if sql.split()[0] not in ("SELECT", "INSERT", "UPDATE", "DELETE"):
        return []
    with closing(connect(":memory:")) as connection:
        for migration in known_migrations():
            apply_migration(connection, migration, 0)
        return [row[1] for row in connection.execute(f"EXPLAIN {sql}", _Any()) if row[1] in TEMPORARY]


class _Any(dict[str, object]):
    """A value for every parameter."""

    def __missing__(self, _name: str) -> int:
        return 1
