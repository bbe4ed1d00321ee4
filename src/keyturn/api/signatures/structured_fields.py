"""Strict parser of the part of Structured Field Values (RFC 8941) that signatures use.

Every function raises `ValueError` for anything else, and for a key that occurs twice.
"""

import base64
import re
from collections.abc import Iterable
from typing import TypeVar

import msgspec

_T = TypeVar("_T")

_KEY = r"[a-z*][a-z0-9_.*-]*"
_STRING = r'"(?:[ !#-\[\]-~]|\\["\\])*"'
_INTEGER = r"-?[0-9]{1,15}"
_BYTES = r":[A-Za-z0-9+/]*={0,2}:"
_PARAMETER = rf"; *(?P<key>{_KEY})=(?:(?P<string>{_STRING})|(?P<integer>{_INTEGER}))"
_MEMBER = rf"(?P<key>{_KEY})=:(?P<base64>[A-Za-z0-9+/]*={{0,2}}):"

_ONE_STRING = re.compile(_STRING)
_ONE_PARAMETER = re.compile(_PARAMETER)
_ONE_MEMBER = re.compile(_MEMBER)
_ESCAPED = re.compile(r'\\(["\\])')
_UNESCAPED = re.compile(r'(["\\])')
_LABELLED_LIST = re.compile(
    rf"(?P<label>{_KEY})=\((?P<members> *{_STRING}(?: +{_STRING})* *)\)"
    rf"(?P<parameters>(?:; *{_KEY}=(?:{_STRING}|{_INTEGER}))*)"
)
_BYTE_SEQUENCES = re.compile(rf"{_KEY}={_BYTES}(?:[ \t]*,[ \t]*{_KEY}={_BYTES})*")


class InnerList(msgspec.Struct, frozen=True):
    """Strings with parameters; printed as RFC 8941 serialises it."""

    members: tuple[str, ...]
    parameters: dict[str, int | str]

    def __str__(self) -> str:
        parameters = "".join(f";{key}={_printed(value)}" for key, value in self.parameters.items())
        return f"({' '.join(map(_printed, self.members))}){parameters}"


def read_labelled_list(text: str) -> tuple[str, InnerList]:
    """Key and value of a dictionary with one member: a list of distinct strings, which have no parameters."""
    found = _LABELLED_LIST.fullmatch(text)
    if found is None:
        raise ValueError("not one labelled list of strings")
    members = tuple(_text(quoted) for quoted in _ONE_STRING.findall(found["members"]))
    if len(set(members)) != len(members):
        raise ValueError("a member occurs twice")
    parameters = ((each["key"], _value(each)) for each in _ONE_PARAMETER.finditer(found["parameters"]))
    return found["label"], InnerList(members, _unique(parameters))


def read_byte_sequences(text: str) -> dict[str, bytes]:
    """A dictionary of byte sequences, at least one."""
    if _BYTE_SEQUENCES.fullmatch(text) is None:
        raise ValueError("not a dictionary of byte sequences")
    found = _ONE_MEMBER.finditer(text)
    return _unique((each["key"], base64.b64decode(each["base64"], validate=True)) for each in found)


def _value(parameter: re.Match[str]) -> int | str:
    return int(parameter["integer"]) if parameter["string"] is None else _text(parameter["string"])


def _text(quoted: str) -> str:
    return _ESCAPED.sub(r"\1", quoted[1:-1])


def _printed(value: int | str) -> str:
    return str(value) if isinstance(value, int) else '"' + _UNESCAPED.sub(r"\\\1", value) + '"'


def _unique(pairs: Iterable[tuple[str, _T]]) -> dict[str, _T]:
    listed = list(pairs)
    members = dict(listed)
    if len(members) != len(listed):
        raise ValueError("a key occurs twice")
    return members
