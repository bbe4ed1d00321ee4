"""The one SQL text in SQLite's words."""

import pytest

from keyturn.store.sqlite.transaction import without_lock

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("sql", "text"),
    [
        ("SELECT 1", "SELECT 1"),
        ("SELECT x FROM t WHERE a = :a FOR UPDATE", "SELECT x FROM t WHERE a = :a"),
        ("SELECT x FROM t\nFOR UPDATE\n", "SELECT x FROM t"),
        ("SELECT ' FOR UPDATE '", "SELECT ' FOR UPDATE '"),
    ],
)
def test_the_row_lock_is_dropped(sql: str, text: str) -> None:
    assert without_lock(sql) == text
