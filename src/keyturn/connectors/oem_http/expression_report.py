"""What each expression of a definition finds in one answer, for whoever writes the definition. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import product
from typing import Any

import msgspec

from keyturn.connectors.oem_http.definition.definition import Definition
from keyturn.connectors.oem_http.definition.queries import Query

Raw = Mapping[str, Any]
"""The definition as its TOML document, for the text of an expression."""
_SIGNAL, _VALUE = ("value", "observed_at", "as_of", "flagged"), ("value",)


class Found(msgspec.Struct, frozen=True):
    """One expression. `value` is what it finds: JSON; None is nothing."""

    key: str
    expression: str
    value: Any


def in_answer(definition: Definition, raw: Raw, command: str, document: Any, values: Mapping[str, str]) -> list[Found]:
    """In the answer to a command: how to ask further, and the outcome where this answer can be it."""
    accepted = list(_table(definition.accepted, raw, "accepted", document, values))
    outcome = in_status(definition, raw, command, document, values)
    if (definition.commands[command].mode or definition.mode) == "sync":
        return outcome
    return accepted + [found for found in outcome if definition.accepted.state or found.key.endswith(".error_code")]


def in_status(definition: Definition, raw: Raw, command: str, document: Any, values: Mapping[str, str]) -> list[Found]:
    """In the answer to a question about an operation."""
    own, general = definition.commands[command], f"commands.{command}.result"
    where = general if own.result else "result"
    fields = f"commands.{command}.data"
    return [
        *_table(own.result or definition.result, raw, where, document, values),
        *_fields(own.data, _VALUE, raw, fields, {"value": f"{where}.data"}, document, values),
    ]


def in_state(definition: Definition, raw: Raw, document: Any, values: Mapping[str, str]) -> list[Found]:
    """In the answer to a state read."""
    if definition.state is None:
        return []
    general = {name: f"state.{name}" for name in _SIGNAL}
    return [
        *_table(definition.state, raw, "state", document, values),
        *_fields(definition.state.signals, _SIGNAL, raw, "state.signals", general, document, values),
    ]


def in_token(definition: Definition, raw: Raw, document: Any, values: Mapping[str, str]) -> list[Found]:
    """In the answer to a request for a token; the token itself is not repeated."""
    own = {"token": "access_token", "life": "expires_in"}
    told = list(_table(definition.auth, raw, "auth", document, values, own)) or [
        Found(name, name, Query(name).of(document)) for name in own.values()
    ]
    return [
        msgspec.structs.replace(found, value=f"{len(found.value)} characters")
        if "token" in found.key and isinstance(found.value, str)
        else found
        for found in told
    ]


def _table(
    table: msgspec.Struct,
    raw: Raw,
    where: str,
    document: Any,
    values: Mapping[str, str],
    defaults: Mapping[str, str] | None = None,
) -> Iterator[Found]:
    """The table's own expressions; those with {name} are told with the fields that use them."""
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
        said = _below(raw, f"{where}.{field}.{name}")
        text = _text(_below(raw, general[name]) if said is None else said).replace("{name}", field)
        if text:
            yield Found(f"{where}.{field}.{name}", text, _of(Query(text), document, values))


def _of(query: Any, document: Any, values: Mapping[str, str]) -> Any:
    """Placeholders in an expression stand for values where the notation knows them."""
    return query.of(document, values) if getattr(query, "names", None) else query.of(document)


def _below(raw: Any, key: str) -> Any:
    for part in key.split("."):
        raw = raw.get(part) if isinstance(raw, Mapping) else None
    return raw


def _text(said: Any) -> str:
    """An expression, or a table whose `value` is one."""
    said = said.get("value") if isinstance(said, Mapping) else said
    return said if isinstance(said, str) else ""
