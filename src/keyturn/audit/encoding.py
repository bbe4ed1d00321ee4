"""Encodes an audit entry for its hash, in a canonical form that others can reproduce (vectors: docs/audit.md)."""

import hashlib

import msgspec

from keyturn.audit.personal import salted_hash

ENTRY_FORMAT = "keyturn-entry-1"
GENESIS = bytes(32)
"""The previous hash of a chain's first entry."""
INSTALLATION_CHAIN = ""
"""Key of the chain of entries that belong to no company."""


class Content(msgspec.Struct, frozen=True):
    """The hashed columns of an entry; `body` is the JSON text without the personal part."""

    company: str | None
    at: int
    actor: str
    kind: str
    vehicle: str | None
    command: str | None
    body: str


class Personal(msgspec.Struct, frozen=True):
    """An entry's personal part and its salted hash. Without text and salt it was erased."""

    hash: bytes
    salt: bytes | None
    text: str | None

    @property
    def erased(self) -> bool:
        return self.salt is None and self.text is None

    @property
    def matches_hash(self) -> bool:
        """Whether the part has this hash, or was erased completely."""
        if self.salt is None or self.text is None:
            return self.erased
        return salted_hash(self.salt, self.text) == self.hash


class Link(msgspec.Struct, frozen=True):
    """One entry with its position in the chain, as it was stored or exported."""

    number: int
    prev: bytes
    hash: bytes
    content: Content
    personal: Personal | None = None


def entry_hash(number: int, prev: bytes, content: Content, personal_hash: bytes | None) -> bytes:
    """SHA-256 over the RFC 8785 form of a JSON array of strings, integers and nulls."""
    array = (
        ENTRY_FORMAT,
        content.company,
        number,
        prev.hex(),
        content.at,
        content.actor,
        content.kind,
        content.vehicle,
        content.command,
        content.body,
        None if personal_hash is None else personal_hash.hex(),
    )
    return hashlib.sha256(msgspec.json.encode(array)).digest()


def chain_of(company: str | None) -> str:
    return INSTALLATION_CHAIN if company is None else company


def company_of(chain: str) -> str | None:
    return None if chain == INSTALLATION_CHAIN else chain
