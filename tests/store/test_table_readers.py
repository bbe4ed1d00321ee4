"""Which modules use which table in SQL, as ``table_readers.toml`` lists them: those that a change of a column affects.

A module that starts or stops using a table fails a test; the command in ``REGENERATE`` writes the list anew.
"""

import ast
import re
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from functools import cache
from pathlib import Path

import keyturn
from keyturn.store.sqlite.migration import apply_migration, known_migrations
from tests.support.store_reader import connect

SOURCES = Path(keyturn.__file__).parent
EXPECTED = Path(__file__).with_name("table_readers.toml")
REGENERATE = "python -m tests.store.test_table_readers"

_NAME = r"\w+(?:\s+(?:AS\s+)?[a-z]\w*)?"
_TABLES = re.compile(rf"\b(?:FROM|JOIN|INTO|UPDATE)\s+({_NAME}(?:\s*,\s*{_NAME})*)")
_COMPUTED = re.compile(r"\b(?:FROM|JOIN|INTO|UPDATE)\s+\0")


def schema() -> set[str]:
    """The tables that the migrations make."""
    with closing(connect(":memory:")) as connection:
        for migration in known_migrations():
            apply_migration(connection, migration, 0)
        return {name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}


def texts(source: str) -> Iterator[str]:
    """Every string of a module; a NUL takes the place of what a format string computes."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "\0" for part in node.values)


def named_tables(sql: str) -> set[str]:
    return {each.split()[0] for listed in _TABLES.findall(sql) for each in re.split(r"\s*,\s*", listed)}


@cache
def modules() -> dict[str, tuple[str, ...]]:
    """The strings of each module below `keyturn`."""
    return {
        ".".join(path.relative_to(SOURCES).with_suffix("").parts): tuple(texts(path.read_text("utf-8")))
        for path in sorted(SOURCES.rglob("*.py"))
    }


def readers() -> dict[str, list[str]]:
    """For each table of the schema, the modules that use it in SQL."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for name, strings in modules().items():
        for table in set().union(*map(named_tables, strings)):
            found[table].add(name)
    return {table: sorted(found[table]) for table in sorted(schema())}


def written(tables: dict[str, list[str]]) -> str:
    lines = [f"# Which modules use which table in SQL. Written by: {REGENERATE}"]
    for table, names in tables.items():
        lines += [f"{table} = [", *(f'    "{name}",' for name in names), "]"]
    return "\n".join(lines) + "\n"


def test_every_module_that_uses_a_table_is_listed() -> None:
    listed = {table: set(names) for table, names in tomllib.loads(EXPECTED.read_text("utf-8")).items()}
    found = {table: set(names) for table, names in readers().items()}
    new = {
        table: names - listed.get(table, set()) for table, names in found.items() if names - listed.get(table, set())
    }
    gone = {
        table: names - found.get(table, set()) for table, names in listed.items() if names - found.get(table, set())
    }
    assert new == {}, f"check that these modules must use the table, then run: {REGENERATE}"
    assert gone == {}, f"run: {REGENERATE}"


def test_the_list_is_as_the_command_writes_it() -> None:
    assert EXPECTED.read_text("utf-8") == written(tomllib.loads(EXPECTED.read_text("utf-8"))), f"run: {REGENERATE}"


def test_every_table_is_used() -> None:
    assert [table for table, names in readers().items() if not names] == []


def test_no_table_name_is_computed() -> None:
    """The scan cannot see a table name in a placeholder of a format string."""
    assert [name for name, strings in modules().items() if any(map(_COMPUTED.search, strings))] == []


def test_joined_and_listed_tables_are_found() -> None:
    assert named_tables("SELECT a FROM one o JOIN two ON o.x = two.x") == {"one", "two"}
    assert named_tables("SELECT a FROM one AS o, two t, three WHERE x IN (SELECT y FROM four)") == {
        "one",
        "two",
        "three",
        "four",
    }
    assert named_tables("INSERT INTO one (a) VALUES (1) ON CONFLICT (a) DO UPDATE SET a = 2") >= {"one"}


if __name__ == "__main__":
    EXPECTED.write_text(written(readers()), "utf-8")
