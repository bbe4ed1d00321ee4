"""Whether the placeholders in a definition's expressions have a value where they stand. Pure."""

from collections.abc import Iterable, Iterator

import msgspec

from keyturn.connectors.oem_http.notation import NamedQuery, Query, no_value_here
from keyturn.connectors.oem_http.times import NamedTimeQuery, TimeQuery


def misplaced(tables: Iterable[tuple[str, object, frozenset[str]]]) -> Iterator[str]:
    """One sentence for each placeholder without a value; `tables` are where, what, and what is offered there."""
    for where, table, offered in tables:
        for key, names in _expressions(table, where):
            yield from (f"{key}: {problem}" for name in sorted(names) if (problem := no_value_here(name, offered)))


def _expressions(part: object, where: str) -> Iterator[tuple[str, frozenset[str]]]:
    if isinstance(part, Query | NamedQuery | TimeQuery | NamedTimeQuery):
        yield where, part.names
    elif isinstance(part, msgspec.Struct):
        for name in part.__struct_fields__:
            yield from _expressions(getattr(part, name), f"{where}.{name}")
    elif isinstance(part, dict):
        for name, inner in part.items():
            yield from _expressions(inner, f"{where}.{name}")
    elif isinstance(part, tuple):
        for inner in part:
            yield from _expressions(inner, where)
