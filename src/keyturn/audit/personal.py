"""Splits the personal part from an entry's body, so that it can be erased while the chain stays verifiable."""

import hashlib
from collections.abc import Collection, Mapping
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
"""Members of a body that hold personal data: identity, place, vehicle, and free text."""

_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])


class Body(NamedTuple):
    """A body as two JSON texts."""

    open: str
    personal: str | None
    """None: there is no personal part, or it was erased."""


class UnexpectedBody(Exception):
    """The body is not a JSON object in the form that the journal writes."""


def split_body(body: str, names: Collection[str]) -> Body:
    """The body without the members `names`, and only these, both in their order. Raises UnexpectedBody."""
    return _split(body, _members(body), names)


def split_personal(body: str) -> tuple[Body, list[str]]:
    """Split off `PERSONAL_MEMBERS`; also their names. A body in an unexpected form is not split."""
    try:
        members = _members(body)
        names = sorted(PERSONAL_MEMBERS.intersection(members))
        return (_split(body, members, names) if names else Body(body, None)), names
    except UnexpectedBody:
        return Body(body, None), []


def split_written(text: str, body: Mapping[str, object]) -> tuple[Body, list[str]]:
    """As `split_personal`, of a body that this process has just encoded as `text`."""
    names = sorted(PERSONAL_MEMBERS.intersection(body))
    if not names:
        return Body(text, None), names
    personal = {name: value for name, value in body.items() if name in PERSONAL_MEMBERS}
    return Body(_text({name: value for name, value in body.items() if name not in personal}), _text(personal)), names


def salted_hash(salt: bytes, personal: str) -> bytes:
    """SHA-256 of the salt and the text; the salt prevents a search over every VIN."""
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
