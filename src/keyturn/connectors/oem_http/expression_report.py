"""What each expression of a definition finds in one response, for the author of the definition. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import product
from typing import Any

import msgspec

from keyturn.connectors.oem_http.definition.definition import Definition
from keyturn.connectors.oem_http.definition.queries import Query

Raw = Mapping[str, Any]
"""The definition's TOML document, which has the text of the expressions."""
_SIGNAL, _VALUE = ("value", "observed_at", "as_of", "flagged"), ("value",)


class Found(msgspec.Struct, frozen=True):
    """One expression, and the JSON value that it finds; None: nothing."""

    key: str
    expression: str
    value: Any


def in_answer(definition: Definition, raw: Raw, command: str, document: Any, values: Mapping[str, str]) -> list[Found]:
    """In the response to a command: the operation, and the outcome where the response can have it."""
    accepted = list(_table(definition.accepted, raw, "accepted", document, values))
    outcome = in_status(definition, raw, command, document, values)
    if (definition.commands[command].mode or definition.mode) == "sync":
        return outcome
    return accepted + [found for found in outcome if definition.accepted.state or found.key.endswith(".error_code")]


def in_status(definition: Definition, raw: Raw, command: str, document: Any, values: Mapping[str, str]) -> list[Found]:
    """In the response to a status query."""
    own, general = definition.commands[command], f"commands.{command}.result"
    where = general if own.result else "result"
    fields = f"commands.{command}.data"
    return [
        *_table(own.result or definition.result, raw, where, document, values),
        *_fields(own.data, _VALUE, raw, fields, {"value": f"{where}.data"}, document, values),
    ]


def in_state(definition: Definition, raw: Raw, document: Any, values: Mapping[str, str]) -> list[Found]:
    """In the response to a state read."""
    if definition.state is None:
        return []
    general = {name: f"state.{name}" for name in _SIGNAL}
    return [
        *_table(definition.state, raw, "state", document, values),
        *_fields(definition.state.signals, _SIGNAL, raw, "state.signals", general, document, values),
    ]


def in_token(definition: Definition, raw: Raw, document: Any, values: Mapping[str, str]) -> list[Found]:
    """In the response to a token request; the token itself is not repeated."""
    own = {"token": "access_token", "life": "expires_in"}
    found = list(_table(definition.auth, raw, "auth", document, values, own)) or [
        Found(name, name, Query(name).of(document)) for name in own.values()
    ]
    return [
        msgspec.structs.replace(each, value=f"{len(each.value)} characters")
        if "token" in each.key and isinstance(each.value, str)
        else each
        for each in found
    ]


def _table(
    table: msgspec.Struct,
    raw: Raw,
    where: str,
    document: Any,
    values: Mapping[str, str],
    defaults: Mapping[str, str] | None = None,
) -> Iterator[Found]:
    """The table's own expressions; those with {name} are reported with the fields that use them."""
    for name in table.__struct_fields__:
        part = getattr(table, name)
        part = getattr(part, "query", part)
        if hasattr(part, "of") and not hasattr(part, "named"):
            text = _text(_below(raw, f"{where}.{name}")) or (defaults or {}).get(name, name)
            yield Found(f"{where}.{name}", text, _of(part, document, values))


def _fields(
    fields: Iterable[str],
    names: Iterable[str],
    raw: Raw,
    where: str,
    general: Mapping[str, str],
    document: Any,
    values: Mapping[str, str],
) -> Iterator[Found]:
    """Each field's expressions, its own or the general ones with its name in them."""
    for field, name in product(fields, names):
        own = _below(raw, f"{where}.{field}.{name}")
        text = _text(_below(raw, general[name]) if own is None else own).replace("{name}", field)
        if text:
            yield Found(f"{where}.{field}.{name}", text, _of(Query(text), document, values))


def _of(query: Any, document: Any, values: Mapping[str, str]) -> Any:
    """Evaluate an expression; a plain JMESPath expression takes no placeholder values."""
    return query.of(document, values) if getattr(query, "names", None) else query.of(document)


def _below(raw: Any, key: str) -> Any:
    for part in key.split("."):
        raw = raw.get(part) if isinstance(raw, Mapping) else None
    return raw


def _text(written: Any) -> str:
    """An expression, or a table whose `value` is one."""
    text = written.get("value") if isinstance(written, Mapping) else written
    return text if isinstance(text, str) else ""
