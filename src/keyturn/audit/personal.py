"""The personal part of an entry's body, apart from the rest: it can be erased and the chain still be verified."""

import hashlib
from collections.abc import Collection
from typing import Any, NamedTuple

import msgspec

PERSONAL_MEMBERS = frozenset(
    {
        "address", "case", "case_number", "client", "close_reason", "consent", "consent_reference", "contact",
        "contacts", "customer", "driver", "email", "external_id", "full_name", "latitude", "location", "longitude",
        "name", "names", "note", "notice", "operator", "person", "phone", "plate", "position", "reason", "recipient",
        "source_address", "text", "username", "vin",
    }
)  # fmt: skip
"""Members of a body that tell of a person: who, where, which vehicle, and what somebody wrote freely."""

_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])


class Body(NamedTuple):
    """A body in two JSON texts."""

    open: str
    personal: str | None
    """None: it has no personal part, or that was erased."""


class UnexpectedBody(Exception):
    """The body is not a JSON object as the journal writes one."""


def split_body(body: str, names: Collection[str]) -> Body:
    """The body without the members `names`, and these alone, each in the order that they had. Raises UnlikeWritten."""
    return _split(body, _members(body), names)


def split_personal(body: str) -> tuple[Body, list[str]]:
    """As `part`, by the table above; and the personal members. A body unlike the journal's is sealed as a whole."""
    try:
        members = _members(body)
        names = sorted(PERSONAL_MEMBERS.intersection(members))
        return (_split(body, members, names) if names else Body(body, None)), names
    except UnexpectedBody:
        return Body(body, None), []


def salted_hash(salt: bytes, personal: str) -> bytes:
    """SHA-256 of the salt and the text after it: without the salt nobody can try every VIN against it."""
    return hashlib.sha256(salt + personal.encode()).digest()


def _members(body: str) -> dict[str, msgspec.Raw]:
    try:
        return _MEMBERS.decode(body)
    except (msgspec.DecodeError, TypeError):
        raise UnexpectedBody from None


def _split(body: str, members: dict[str, msgspec.Raw], names: Collection[str]) -> Body:
    personal = {name: value for name, value in members.items() if name in names}
    if not personal:
        return Body(body, None)
    if _text(members) != body:
        raise UnexpectedBody
    return Body(_text({name: value for name, value in members.items() if name not in names}), _text(personal))


def _text(members: dict[str, Any]) -> str:
    return msgspec.json.encode(members).decode()
