"""Templates of requests: text, JSON and headers with placeholders such as ``{vehicle.external_id}``. Pure."""

from collections.abc import Mapping
from typing import Any, TypeVar
from urllib.parse import quote

import msgspec

from keyturn.connectors.oem_http.definition.queries import (
    ACCOUNT,
    PLACEHOLDER,
    PlaceholderError,
    Values,
    string,
    value_of,
)

T = TypeVar("T")

PLACEHOLDERS = (
    "vehicle.vin",
    "vehicle.external_id",
    "command.id",
    "command.name",
    "command.expires_at",
    "command.expires_at_s",
    "command.expires_at_ms",
    "operation.id",
)
"""Besides ``account.<key>``, which is a credential of the account."""


class Template:
    """Text with placeholders such as ``{vehicle.external_id}``; `names` are its placeholders."""

    __slots__ = ("names", "text")

    def __init__(self, text: str) -> None:
        self.text = string(text)
        self.names = frozenset(PLACEHOLDER.findall(self.text))
        for name in sorted(self.names):
            if name not in PLACEHOLDERS and not name.startswith(ACCOUNT):
                allowed = ", ".join((*PLACEHOLDERS, "account.<key>"))
                raise ValueError(f"no placeholder {{{name}}}; allowed are {allowed}")

    def in_url(self, values: Values) -> str:
        """Filled, each value percent-encoded, so that none can change the structure of the URL (RFC 3986)."""
        return PLACEHOLDER.sub(lambda match: _url_part(value_of(match[1], values)), self.text)

    def plain(self, values: Values) -> str:
        return PLACEHOLDER.sub(lambda match: str(value_of(match[1], values)), self.text)

    def typed(self, values: Values) -> str | int:
        """As `plain`, but a lone placeholder keeps its type: JSON numbers stay numbers."""
        lone = PLACEHOLDER.fullmatch(self.text)
        return value_of(lone[1], values) if lone else self.plain(values)


class Body:
    """A JSON object whose strings and keys may hold placeholders."""

    __slots__ = ("_tree", "names")

    def __init__(self, document: dict[str, Any]) -> None:
        if not isinstance(document, dict):
            raise TypeError("expected a table")
        self._tree = _compiled(document)
        self.names = frozenset(name for template in _templates(self._tree) for name in template.names)

    def filled(self, values: Values) -> bytes:
        return msgspec.json.encode(self.tree(values))

    def tree(self, values: Values) -> dict[str, Any]:
        filled: dict[str, Any] = _filled(self._tree, values)
        return filled


def _url_part(value: str | int) -> str:
    if value in ("", ".", ".."):
        raise PlaceholderError(f"{value!r} cannot stand in a URL")
    return quote(str(value), safe="")


def _compiled(node: Any) -> Any:
    if isinstance(node, dict):
        return {Template(key): _compiled(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_compiled(item) for item in node]
    return Template(node) if isinstance(node, str) else node


def _filled(node: Any, values: Values) -> Any:
    if isinstance(node, dict):
        return {key.plain(values): _filled(value, values) for key, value in node.items()}
    if isinstance(node, list):
        return [_filled(item, values) for item in node]
    return node.typed(values) if isinstance(node, Template) else node


def _templates(node: Any) -> list[Template]:
    if isinstance(node, Template):
        return [node]
    children = [*node, *node.values()] if isinstance(node, dict) else node if isinstance(node, list) else ()
    return [template for child in children for template in _templates(child)]


def merge_headers(general: Mapping[str, T], own: Mapping[str, T]) -> dict[str, T]:
    """`general`, overridden by `own`; names of header fields are case-insensitive (RFC 9110, 5.1)."""
    own_names = {name.lower() for name in own}
    return {**{name: value for name, value in general.items() if name.lower() not in own_names}, **own}
