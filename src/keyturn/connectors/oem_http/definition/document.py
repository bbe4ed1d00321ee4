"""A parsed document becomes a typed value, or one sentence that names the key at fault and what is allowed there."""

from collections.abc import Callable, Iterator
from types import UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

import msgspec
from msgspec import ValidationError, structs

from keyturn.connectors.oem_http.definition.queries import PLACEHOLDER


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A table of the file; it knows its keys and no others."""


T = TypeVar("T", bound=msgspec.Struct)
Parsers = dict[type, Callable[[Any], Any]]
"""How the types that are not msgspec's own are read; each raises ValueError or TypeError."""


class DefinitionError(Exception):
    """A definition cannot be used; the message names the key and what is allowed."""


def typed(document: object, kind: type[T], parsers: Parsers) -> T:
    """`document` as a `kind`. Raises `DefinitionError`."""
    for fault in _faults(document, kind, "", parsers):
        raise DefinitionError(fault)
    return msgspec.convert(document, kind, dec_hook=_hook(parsers))


def _faults(value: Any, kind: Any, where: str, parsers: Parsers) -> Iterator[str]:
    """The deepest faults first, so that a fault is named by its own key."""
    kind = _without_none(kind)
    if hasattr(kind, "__struct_fields__") and isinstance(value, dict):
        yield from _struct_faults(value, kind, where, parsers)
    elif get_origin(kind) is dict and isinstance(value, dict):
        name_kind, value_kind = get_args(kind)
        for name, item in value.items():
            yield from _faults(name, name_kind, _below(where, name), parsers)
            yield from _faults(item, value_kind, _below(where, name), parsers)
    elif get_origin(kind) is tuple and isinstance(value, list):
        for index, item in enumerate(value):
            yield from _faults(item, get_args(kind)[0], f"{where}[{index}]", parsers)
    yield from _own_fault(value, kind, where, parsers)


def _struct_faults(value: dict[str, Any], struct: type, where: str, parsers: Parsers) -> Iterator[str]:
    kinds = {field.encode_name: field.type for field in structs.fields(struct)}
    for key, item in value.items():
        if key in kinds:
            yield from _faults(item, kinds[key], _below(where, key), parsers)
        else:
            yield f"{_below(where, key)}: no such key; allowed are {', '.join(sorted(kinds))}"


def _own_fault(value: Any, kind: Any, where: str, parsers: Parsers) -> Iterator[str]:
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
    """TOML has no null: of `X | None` only X can be meant."""
    wanted = [each for each in get_args(kind) if each is not type(None)]
    return wanted[0] if get_origin(kind) in (Union, UnionType) and len(wanted) == 1 else kind


def _below(where: str, key: str) -> str:
    return f"{where}.{key}" if where else key
