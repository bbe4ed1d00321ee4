"""JSON bodies: decoded strictly (docs/api.md, check 3), and the members of a command's POST (checks 4 and 5)."""

import json
import re
from codecs import BOM_UTF8
from collections.abc import Iterable

import msgspec

from keyturn.errors import InvalidCommand, InvalidJson, InvalidVin, Refusal

MAX_LEVELS = 32

MAX_VIN = 64
"""Characters."""

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class ReceivedCommand(msgspec.Struct, frozen=True):
    """The members of a POST's body, as received."""

    vin: str
    command: str
    code: object


def decode_object(raw: bytes) -> dict[str, object]:
    """One JSON object: UTF-8 with an optional BOM, no duplicate names, at most 32 levels. Raises `InvalidJson`."""
    try:
        value = _DECODER.decode(raw.removeprefix(BOM_UTF8).decode())
    except (ValueError, RecursionError):
        raise InvalidJson from None
    if not isinstance(value, dict) or _is_too_deep(raw, value):
        raise InvalidJson
    return value


class _Plain(msgspec.Struct, forbid_unknown_fields=True):
    vin: str
    command: str


def parse_command(body: bytes) -> ReceivedCommand:
    """Checks 3 to 5 of a body. Raises `InvalidJson`, `InvalidVin` or `InvalidCommand`."""
    members = _plain_members(body) or decode_object(body)
    vin = _text(members.get("vin"), InvalidVin)
    if len(vin) > MAX_VIN:
        raise InvalidVin
    command = _text(members.get("command"), InvalidCommand)
    return ReceivedCommand(vin, command, members.get("code"))


def _plain_members(body: bytes) -> dict[str, object] | None:
    """What `decode_object` makes of a body with the two members alone, each a text without escapes; None: another one.

    Eight quotation marks and both names leave no room for a member more, or for a name twice.
    """
    if body.count(b'"') != 8 or b"\\" in body:
        return None
    try:
        plain = _PLAIN.decode(body)
    except ValueError:  # msgspec's errors among them
        return None
    return {"vin": plain.vin, "command": plain.command}


def _text(value: object, refusal: type[Refusal]) -> str:
    if not isinstance(value, str) or not value:
        raise refusal
    return value


def sanitize(text: str) -> str:
    """The text with what a database cannot store (lone surrogates, NUL) replaced, so that it matches nothing."""
    return _UNSTORABLE.sub("\ufffd", text)


def _unique_names(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("duplicate name")
    return members


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


def _is_too_deep(raw: bytes, value: object) -> bool:
    if raw.count(b"{") + raw.count(b"[") <= MAX_LEVELS:
        return False
    level: list[object] = [value]
    for _ in range(MAX_LEVELS):
        level = [child for parent in level for child in _children(parent)]
    return any(isinstance(node, dict | list) for node in level)


def _children(node: object) -> Iterable[object]:
    if isinstance(node, dict):
        return node.values()
    return node if isinstance(node, list) else ()


_PLAIN = msgspec.json.Decoder(_Plain)
# No field of the contract is a number, so whole numbers of any length may be floats.
_DECODER = json.JSONDecoder(object_pairs_hook=_unique_names, parse_constant=_no_constant, parse_int=float)
