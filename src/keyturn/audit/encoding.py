"""What an entry's hash covers, in one canonical form that anybody can make again (docs/audit.md has vectors)."""

import hashlib

import msgspec

from keyturn.audit.personal import salted_hash

ENTRY_FORMAT = "keyturn-entry-1"
GENESIS = bytes(32)
"""What stands for the hash before the first."""
INSTALLATION_CHAIN = ""
"""The chain of the entries that belong to no company."""


class Content(msgspec.Struct, frozen=True):
    """The columns of an entry; `body` is its open part, as JSON text."""

    company: str | None
    at: int
    actor: str
    kind: str
    vehicle: str | None
    command: str | None
    body: str


class Personal(msgspec.Struct, frozen=True):
    """An entry's personal part beside its salted hash. Without text and salt: erased."""

    hash: bytes
    salt: bytes | None
    text: str | None

    @property
    def erased(self) -> bool:
        return self.salt is None and self.text is None

    @property
    def matches_hash(self) -> bool:
        """The part is what was hashed, or it was erased as a whole."""
        if self.salt is None or self.text is None:
            return self.erased
        return salted_hash(self.salt, self.text) == self.hash


class Link(msgspec.Struct, frozen=True):
    """One entry in its chain, as somebody holds it."""

    number: int
    prev: bytes
    hash: bytes
    content: Content | None
    """None: the link is there and its entry is not."""
    personal: Personal | None = None


def entry_hash(number: int, prev: bytes, content: Content, personal_hash: bytes | None) -> bytes:
    """SHA-256 over the RFC 8785 form of a JSON array of texts, integers and nulls."""
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
