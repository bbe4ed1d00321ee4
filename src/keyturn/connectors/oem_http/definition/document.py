"""Converts a parsed document to a typed value, or names the wrong key and what is allowed there in one sentence."""

from collections.abc import Callable, Iterator
from types import UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

import msgspec
from msgspec import ValidationError, structs

from keyturn.connectors.oem_http.definition.queries import PLACEHOLDER


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A table of the file; unknown keys are refused."""


T = TypeVar("T", bound=msgspec.Struct)
Parsers = dict[type, Callable[[Any], Any]]
"""Parsers of types that msgspec does not know; each raises ValueError or TypeError."""


class DefinitionError(Exception):
    """A definition cannot be used; the message names the key and what is allowed."""


def typed(document: object, kind: type[T], parsers: Parsers) -> T:
    """`document` as a `kind`. Raises `DefinitionError`."""
    for problem in _problems(document, kind, "", parsers):
        raise DefinitionError(problem)
    return msgspec.convert(document, kind, dec_hook=_hook(parsers))


def _problems(value: Any, kind: Any, where: str, parsers: Parsers) -> Iterator[str]:
    """The deepest problems first, so that each is named by its own key."""
    kind = _without_none(kind)
    if hasattr(kind, "__struct_fields__") and isinstance(value, dict):
        yield from _struct_problems(value, kind, where, parsers)
    elif get_origin(kind) is dict and isinstance(value, dict):
        name_kind, value_kind = get_args(kind)
        for name, item in value.items():
            yield from _problems(name, name_kind, _below(where, name), parsers)
            yield from _problems(item, value_kind, _below(where, name), parsers)
    elif get_origin(kind) is tuple and isinstance(value, list):
        for index, item in enumerate(value):
            yield from _problems(item, get_args(kind)[0], f"{where}[{index}]", parsers)
    yield from _own_problem(value, kind, where, parsers)


def _struct_problems(value: dict[str, Any], struct: type, where: str, parsers: Parsers) -> Iterator[str]:
    kinds = {field.encode_name: field.type for field in structs.fields(struct)}
    for key, item in value.items():
        if key in kinds:
            yield from _problems(item, kinds[key], _below(where, key), parsers)
        else:
            yield f"{_below(where, key)}: no such key; allowed are {', '.join(sorted(kinds))}"


def _own_problem(value: Any, kind: Any, where: str, parsers: Parsers) -> Iterator[str]:
    braces = PLACEHOLDER.search(value) if kind is str and isinstance(value, str) else None
    if braces:
        yield f"{where}: no placeholder {braces[0]}; none is allowed here"
    try:
        msgspec.convert(value, kind, dec_hook=_hook(parsers))
    except ValidationError as error:
        literals = get_args(kind) if get_origin(kind) is Literal else ()
        problem = f"expected one of {', '.join(map(str, literals))}" if literals else str(error).split(" - at `$")[0]
        yield f"{where}: {problem}" if where else problem


def _hook(parsers: Parsers) -> Callable[[type, Any], Any]:
    return lambda kind, value: parsers[kind](value)


def _without_none(kind: Any) -> Any:
    """X of `X | None`; TOML has no null."""
    wanted = [each for each in get_args(kind) if each is not type(None)]
    return wanted[0] if get_origin(kind) in (Union, UnionType) and len(wanted) == 1 else kind


def _below(where: str, key: str) -> str:
    return f"{where}.{key}" if where else key
