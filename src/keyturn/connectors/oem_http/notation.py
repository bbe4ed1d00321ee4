"""The small languages of a definition: JMESPath for what is read, placeholders for what is written."""

import re
from collections.abc import Mapping
from datetime import datetime, tzinfo
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import jmespath
import msgspec
from jmespath.exceptions import JMESPathError
from yarl import URL

Values = Mapping[str, str | int]
"""What placeholders stand for, by their dotted names."""

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

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


class PlaceholderError(Exception):
    """A placeholder has nothing to stand for; the message says which."""


class Query:
    """A compiled JMESPath expression."""

    __slots__ = ("_expression",)

    def __init__(self, text: str) -> None:
        try:
            self._expression = jmespath.compile(_string(text))
        except JMESPathError as error:
            raise ValueError(f"not JMESPath: {str(error).splitlines()[0]}") from None

    def of(self, document: object) -> Any:
        """What the expression finds; None when it finds nothing or does not apply."""
        try:
            return self._expression.search(document)
        except (JMESPathError, ArithmeticError, TypeError, ValueError):
            # JMESPath's functions let Python's own errors through.
            return None


class NamedQuery:
    """JMESPath in which ``{name}`` stands for the name of a signal or data point."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = _string(text)
        self.named("name")

    def named(self, name: str) -> Query:
        return Query(self._text.replace("{name}", name))


class Template:
    """Text with placeholders such as ``{vehicle.external_id}``."""

    __slots__ = ("names", "text")

    def __init__(self, text: str) -> None:
        self.text = _string(text)
        self.names = frozenset(_PLACEHOLDER.findall(self.text))
        for name in sorted(self.names):
            if name not in PLACEHOLDERS and not name.startswith("account."):
                allowed = ", ".join((*PLACEHOLDERS, "account.<key>"))
                raise ValueError(f"no placeholder {{{name}}}; allowed are {allowed}")

    def in_url(self, values: Values) -> str:
        """Filled and percent-encoded, so that no value can leave its place in the URL (RFC 3986)."""
        return _PLACEHOLDER.sub(lambda match: _url_part(_value(match[1], values)), self.text)

    def plain(self, values: Values) -> str:
        return _PLACEHOLDER.sub(lambda match: str(_value(match[1], values)), self.text)

    def typed(self, values: Values) -> str | int:
        """As `plain`, but a lone placeholder keeps its type: JSON numbers stay numbers."""
        lone = _PLACEHOLDER.fullmatch(self.text)
        return _value(lone[1], values) if lone else self.plain(values)


class Body:
    """A JSON object whose strings may hold placeholders."""

    __slots__ = ("_tree", "names")

    def __init__(self, document: dict[str, Any]) -> None:
        if not isinstance(document, dict):
            raise TypeError("expected a table")
        self._tree = _compiled(document)
        self.names = frozenset(name for template in _templates(self._tree) for name in template.names)

    def filled(self, values: Values) -> bytes:
        return msgspec.json.encode(_filled(self._tree, values))


def parse_zone(text: str) -> tzinfo:
    """An IANA name, or a fixed offset such as ``-03:00``."""
    try:
        return datetime.strptime(_string(text), "%z").tzinfo or ZoneInfo(text)
    except ValueError:
        pass
    try:
        return ZoneInfo(text)
    except (ValueError, OSError, LookupError):
        raise ValueError(f"no time zone {text!r}; allowed are IANA names and offsets such as -03:00") from None


def parse_address(text: str) -> URL:
    """An absolute http or https URL without user, query and fragment."""
    refusal = "expected http(s)://host[:port][/path] and nothing more"
    try:
        url = URL(_string(text))
    except ValueError:
        raise ValueError(refusal) from None
    plain = not (url.user or url.password or url.raw_query_string or url.raw_fragment)
    if url.scheme not in ("http", "https") or not url.raw_host or not plain:
        raise ValueError(refusal)
    return url


def _string(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"expected a string, got {type(value).__name__}")
    return value


def _value(name: str, values: Values) -> str | int:
    if name not in values:
        raise PlaceholderError(f"nothing to put in place of {{{name}}}")
    return values[name]


def _url_part(value: str | int) -> str:
    if value in ("", ".", ".."):
        raise PlaceholderError(f"{value!r} cannot stand in a URL")
    return quote(str(value), safe="")


def _compiled(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: _compiled(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_compiled(item) for item in node]
    return Template(node) if isinstance(node, str) else node


def _filled(node: Any, values: Values) -> Any:
    if isinstance(node, dict):
        return {key: _filled(value, values) for key, value in node.items()}
    if isinstance(node, list):
        return [_filled(item, values) for item in node]
    return node.typed(values) if isinstance(node, Template) else node


def _templates(node: Any) -> list[Template]:
    if isinstance(node, Template):
        return [node]
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return [template for child in children for template in _templates(child)]
