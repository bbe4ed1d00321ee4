"""The one SQL text in SQLite's words."""

import pytest

from keyturn.store.sqlite.statement import translate


@pytest.mark.parametrize(
    ("sql", "text", "names"),
    [
        ("SELECT 1", "SELECT 1", ()),
        ("SELECT x FROM t WHERE a = :a AND b = :b", "SELECT x FROM t WHERE a = ? AND b = ?", ("a", "b")),
        ("SELECT :a, :b, :a", "SELECT ?, ?, ?", ("a", "b", "a")),
        ("SELECT x FROM t WHERE a = :a FOR UPDATE", "SELECT x FROM t WHERE a = ?", ("a",)),
        ("SELECT x FROM t\nFOR UPDATE\n", "SELECT x FROM t", ()),
        ("SELECT ' FOR UPDATE '", "SELECT ' FOR UPDATE '", ()),
        ("SELECT ':a', 'it''s :b', \":c\", :d", "SELECT ':a', 'it''s :b', \":c\", ?", ("d",)),
        ("SELECT :a -- not :b\n, :c", "SELECT ? -- not :b\n, ?", ("a", "c")),
    ],
)
def test_parameters_are_numbered_and_the_row_lock_is_dropped(sql: str, text: str, names: tuple[str, ...]) -> None:
    statement = translate(sql)
    assert statement.text == text
    assert statement.values({"z": 0, "d": 4, "c": 3, "b": 2, "a": 1}) == tuple("abcd".index(name) + 1 for name in names)
