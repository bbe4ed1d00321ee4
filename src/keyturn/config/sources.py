"""Reads the sources of settings, a TOML file and environment variables, as flat assignments by path."""

import difflib
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec import inspect

from keyturn.config.aliases import current_path
from keyturn.config.settings import Settings
from keyturn.config.validation import Assignment, ConfigError, KeyPath, type_at

PREFIX = "KEYTURN_"

_KUBERNETES_LINK = "KEYTURN_SERVICE_"
"""Kubernetes sets these for a service called keyturn; they are no settings."""

_BOOLEANS = {"true": True, "false": False}
_MISSPELLING = 0.85
"""Similarity from which an unknown variable counts as a misspelled setting."""


def from_file(path: Path) -> dict[KeyPath, Assignment]:
    """Every value of a TOML file. Raises `ConfigError` when it cannot be read."""
    try:
        tree = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}).") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not valid TOML: {error}.") from None
    return {keys: Assignment(value, str(path)) for keys, value in _leaves(tree, ())}


def from_environment(environ: Mapping[str, str]) -> dict[KeyPath, Assignment]:
    """Every ``KEYTURN_<SECTION>_<KEY>``; each level below a key takes two underscores. Raises `ConfigError`."""
    found = {}
    for variable in sorted(environ):
        if not variable.startswith(PREFIX):
            continue
        section, _, keys = variable.removeprefix(PREFIX).lower().partition("_")
        if section in Settings.__struct_fields__ and keys:
            path = (section, *keys.split("__"))
            found[path] = _parsed(current_path(path), Assignment(environ[variable], variable))
        else:
            _refuse_misspelling(variable)
    return found


def variable_of(path: KeyPath) -> str:
    """The environment variable of a setting."""
    return f"{PREFIX}{path[0]}_{'__'.join(path[1:])}".upper()


def _leaves(tree: dict[str, Any], above: KeyPath) -> Iterator[tuple[KeyPath, object]]:
    for key, value in tree.items():
        path = (*above, key)
        if isinstance(value, dict) and value:
            yield from _leaves(value, path)
        else:
            yield path, value


def _parsed(path: KeyPath, assignment: Assignment) -> Assignment:
    """Text parsed as the setting's type; unchanged where that fails, so that validation refuses it."""
    text = str(assignment.value)
    match inspect.type_info(type_at(path, assignment)):
        case inspect.VarTupleType():
            return assignment._replace(value=[item.strip() for item in text.split(",") if item.strip()])
        case inspect.BoolType():
            return assignment._replace(value=_BOOLEANS.get(text.lower(), text))
        case inspect.IntType():
            return assignment._replace(value=_number(text, int))
        case inspect.FloatType() | inspect.UnionType(types=(inspect.FloatType(), *_)):
            return assignment._replace(value=_number(text, float))
        case _:
            return assignment


def _number(text: str, kind: type[int] | type[float]) -> object:
    try:
        return msgspec.convert(text, kind, strict=False)
    except msgspec.ValidationError:
        return text


def _refuse_misspelling(variable: str) -> None:
    if variable.startswith(_KUBERNETES_LINK):
        return
    close = difflib.get_close_matches(variable, _all_variables(), n=1, cutoff=_MISSPELLING)
    if close:
        raise ConfigError(f"{variable}: no such setting; the nearest is {close[0]} (environment).")


def _all_variables() -> list[str]:
    tables = msgspec.structs.asdict(Settings())
    return [
        variable_of((section, field.name))
        for section, table in tables.items()
        if isinstance(table, msgspec.Struct)
        for field in msgspec.structs.fields(table)
    ]
