"""One SQL text for every adapter, as SQLite likes it best."""

import re
from functools import lru_cache

_LOCK = re.compile(r"\s+FOR\s+UPDATE\s*$", re.IGNORECASE)
_QUOTED_OR_NAME = re.compile(r"'[^']*'|\"[^\"]*\"|--[^\n]*|:(?P<name>\w+)")

Statement = tuple[str, tuple[str, ...]]
"""SQL with ``?`` for every parameter, and the parameters' names in that order."""


@lru_cache(maxsize=1024)
def translate(sql: str) -> Statement:
    """Drop a closing ``FOR UPDATE`` (there is one writer) and number the parameters.

    SQLite looks a named parameter up by its name on every execution: a third of the time of a 38-column INSERT.
    """
    names: list[str] = []

    def number(match: re.Match[str]) -> str:
        if match["name"] is None:
            return match[0]
        names.append(match["name"])
        return "?"

    return _QUOTED_OR_NAME.sub(number, _LOCK.sub("", sql)), tuple(names)
