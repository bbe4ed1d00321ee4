"""Validates single settings: converts each to its type, or refuses it with one sentence."""

import difflib
from collections.abc import Iterable
from typing import Any, NamedTuple, get_args, get_origin

import msgspec
from msgspec import inspect

from keyturn.config.settings import ConnectorSettings, HttpSettings, Settings

KeyPath = tuple[str, ...]
"""Path of a setting: section, key, and the keys below it where the key is a table."""

_KEYS_OF = {ConnectorSettings: HttpSettings}
"""Tables that also accept the keys of a table below them; `aliases` moves those to their current path."""


class ConfigError(Exception):
    """The configuration cannot be used; the message is one sentence for the operator at the terminal."""


class Assignment(NamedTuple):
    """A value, and its source: a file or an environment variable."""

    value: object
    source: str
    written_as: KeyPath = ()
    """The path that was written; empty: the setting's own."""


def dotted(path: KeyPath) -> str:
    return ".".join(path)


def refusal(path: KeyPath, expected: str, assignment: Assignment) -> ConfigError:
    """``server.port: expected an integer from 0 to 65535, got 'x' (config.toml).``"""
    return ConfigError(f"{dotted(path)}: expected {expected}, got {_quoted(assignment.value)} ({assignment.source}).")


def nearest(key: str, allowed: Iterable[str]) -> str:
    """A hint for an unknown key: the nearest key, else all keys."""
    names = sorted(allowed)
    close = difflib.get_close_matches(key, names, n=1)
    return f"the nearest is '{close[0]}'" if close else f"allowed are {', '.join(names)}"


def convert(path: KeyPath, assignment: Assignment) -> object:
    """The value, converted to the type of its setting. Raises `ConfigError`."""
    kind = type_at(path, assignment)
    if assignment.value == {} and is_table(kind):
        return {}
    try:
        return msgspec.convert(assignment.value, kind)
    except msgspec.ValidationError:
        raise refusal(path, describe_type(inspect.type_info(kind)), assignment) from None


def type_at(path: KeyPath, assignment: Assignment) -> Any:
    """The type of the setting at `path`. Raises `ConfigError` when there is none."""
    kind: Any = Settings
    for depth, key in enumerate(path):
        if not is_table(kind):
            raise refusal(path[:depth], describe_type(inspect.type_info(kind)), Assignment({}, assignment.source))
        below = _below(kind, key)
        if key not in below:
            raise ConfigError(f"{dotted(path[: depth + 1])}: no such key; {nearest(key, below)} ({assignment.source}).")
        kind = below[key]
    return kind


def is_table(kind: Any) -> bool:
    return get_origin(kind) is dict or hasattr(kind, "__struct_fields__")


def describe_type(kind: inspect.Type) -> str:
    """The type and its range, for an error message."""
    match kind:
        case inspect.IntType(ge=low, le=high):
            return f"an integer from {low} to {high}"
        case inspect.FloatType(ge=low, le=high):
            return f"a number from {low:.10g} to {high:.10g}"
        case inspect.LiteralType(values=values):
            return f"one of {', '.join(str(value) for value in values)}"
        case inspect.BoolType():
            return "true or false"
        case inspect.StrType(min_length=length):
            return "a non-empty string" if length else "a string"
        case inspect.VarTupleType():
            return "a list of strings"
        case inspect.UnionType(types=(optional, *_)):
            return describe_type(optional)
        case _:
            return "a table"


def _below(kind: Any, key: str) -> dict[str, Any]:
    if get_origin(kind) is dict:
        return {key: get_args(kind)[1]}
    below = {field.name: field.type for field in msgspec.structs.fields(kind)}
    return below | (_below(_KEYS_OF[kind], key) if kind in _KEYS_OF else {})


def _quoted(value: object) -> str:
    if isinstance(value, dict):
        return "a table"
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
