"""JMESPath expressions with placeholders. A placeholder's value stays data: it is never parsed as an expression."""

import re
from collections.abc import Mapping
from datetime import datetime, tzinfo
from types import MappingProxyType
from typing import Any, cast
from zoneinfo import ZoneInfo

import jmespath
from jmespath.exceptions import JMESPathError
from jmespath.visitor import TreeInterpreter
from yarl import URL

Values = Mapping[str, str | int]
"""Values of placeholders, by dotted name."""
NO_VALUES: Values = MappingProxyType({})

VEHICLE = frozenset({"vehicle.vin", "vehicle.external_id"})
COMMAND = VEHICLE | {"command.id", "command.name"}
OPERATION = VEHICLE | {"operation.id"}
SENDING = COMMAND | {"command.expires_at", "command.expires_at_s", "command.expires_at_ms"}
ACCOUNT = "account."
"""Prefix of placeholders for credentials of the account; they have a value everywhere."""
NAME = "name"
"""The placeholder of a signal or data point, where an expression serves several."""

PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_IN_EXPRESSION = re.compile(r"\{([^{}:,\"'`()\[\]]*[^{}:,\"'`()\[\]\s][^{}:,\"'`()\[\]]*)\}")
"""Neither a JSON object nor a multi-select hash."""
_MARK = re.compile(r"placeholder_\d+_")
"""Replaces a placeholder while the expression is parsed; an identifier to JMESPath."""
_OPERANDS = frozenset(
    {
        *("comparator", "function_expression", "multi_select_list", "key_val_pair"),
        *("or_expression", "and_expression", "not_expression"),
    }
)
"""Nodes in which a bare placeholder is an operand, replaced by its value; elsewhere it is a key."""


class PlaceholderError(Exception):
    """A placeholder has no value; the message says which."""


class Query:
    """A compiled JMESPath expression; `names` are its placeholders."""

    __slots__ = ("_marks", "_tree", "names")

    def __init__(self, text: str) -> None:
        self._marks: dict[str, str] = {}
        marked = _IN_EXPRESSION.sub(self._marked, string(text))
        try:
            self._tree = cast("dict[str, Any]", jmespath.compile(marked).parsed)
        except JMESPathError as error:
            raise ValueError(f"not JMESPath: {str(error).splitlines()[0]}") from None
        self.names = frozenset(self._marks.values()) | _left_over(self._tree)

    def of(self, document: object, values: Values = NO_VALUES) -> Any:
        """What the expression finds; None when it finds nothing, does not apply, or a placeholder has no value."""
        try:
            tree = self._bound(self._tree, values) if self._marks else self._tree
            return TreeInterpreter().visit(cast("Any", tree), document)
        except (JMESPathError, ArithmeticError, TypeError, ValueError, PlaceholderError):
            # JMESPath's functions let Python's own errors through.
            return None

    def _marked(self, match: re.Match[str]) -> str:
        mark = f"placeholder_{len(self._marks)}_"
        self._marks[mark] = match[1]
        return mark

    def _bound(self, node: dict[str, Any], values: Values, *, operand: bool = False) -> dict[str, Any]:
        kind, value = node["type"], node.get("value")
        if kind == "field" and operand and value in self._marks:
            return {"type": "literal", "children": [], "value": value_of(self._marks[value], values)}
        operands = kind in _OPERANDS
        children = [self._bound(child, values, operand=operands) for child in node["children"]]
        if kind not in ("field", "literal"):
            return {**node, "children": children}
        return {**node, "children": children, "value": self._filled(value, values)}

    def _filled(self, value: Any, values: Values) -> Any:
        if isinstance(value, dict):
            return {self._filled(key, values): self._filled(item, values) for key, item in value.items()}
        if isinstance(value, list):
            return [self._filled(item, values) for item in value]
        return _MARK.sub(lambda mark: self._value_of(mark, values), value) if isinstance(value, str) else value

    def _value_of(self, mark: re.Match[str], values: Values) -> str:
        name = self._marks.get(mark[0])
        return mark[0] if name is None else str(value_of(name, values))


class NamedQuery:
    """JMESPath in which ``{name}`` is replaced by the name of a signal or data point."""

    __slots__ = ("_text", "names")

    def __init__(self, text: str) -> None:
        self._text = string(text)
        self.names = self.named(NAME).names

    def named(self, name: str) -> Query:
        return Query(self._text.replace(f"{{{NAME}}}", name))

    def unnamed(self) -> Query:
        return Query(self._text)


def no_value_here(name: str, offered: frozenset[str]) -> str | None:
    """Why the placeholder has no value where the `offered` ones and the account's have one; None: it has."""
    if name in offered or (name.startswith(ACCOUNT) and name != ACCOUNT):
        return None
    return f"{{{name}}} has no value here; allowed are {', '.join((*sorted(offered), 'account.<key>'))}"


def parse_zone(text: str) -> tzinfo:
    """An IANA name, or a fixed offset such as ``-03:00``."""
    try:
        return datetime.strptime(string(text), "%z").tzinfo or ZoneInfo(text)
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
        url = URL(string(text))
    except ValueError:
        raise ValueError(refusal) from None
    plain = not (url.user or url.password or url.raw_query_string or url.raw_fragment)
    if url.scheme not in ("http", "https") or not url.raw_host or not plain or PLACEHOLDER.search(text):
        raise ValueError(refusal)
    return url


def string(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"expected a string, got {type(value).__name__}")
    return value


def value_of(name: str, values: Values) -> str | int:
    if name not in values:
        raise PlaceholderError(f"nothing to put in place of {{{name}}}")
    return values[name]


def _left_over(node: dict[str, Any]) -> frozenset[str]:
    """Names in braces in the literals and keys of an expression that are no placeholders."""
    own = frozenset(_in_braces(node.get("value"))) if node["type"] in ("field", "literal") else frozenset()
    return own.union(*(_left_over(child) for child in node["children"]))


def _in_braces(value: Any) -> list[str]:
    if isinstance(value, str):
        return PLACEHOLDER.findall(value)
    children = [*value, *value.values()] if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [name for child in children for name in _in_braces(child)]
