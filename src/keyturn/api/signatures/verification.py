"""Verification of signed requests.

Version 1: HMAC-SHA256 over the vehicle and the command (docs/api.md).
Version 2: HTTP Message Signatures (RFC 9421) with HMAC-SHA256, and Content-Digest (RFC 9530).
"""

import hashlib
import hmac
import re
from collections.abc import Iterable
from functools import lru_cache
from json.encoder import encode_basestring_ascii
from typing import Annotated, Literal

import msgspec

from keyturn.api.request import Request
from keyturn.api.signatures.structured_fields import InnerList, read_byte_sequences, read_labelled_list
from keyturn.auth.principal import Principal
from keyturn.clock import SECOND
from keyturn.commands.admission.nonces import Nonce

SIGNATURE_INPUT = b"signature-input"
"""Header field whose presence makes a signature one of version 2."""

_BLOCK = 64
"""Bytes of a block of SHA-256."""
_INNER, _OUTER = (bytes(octet ^ pad for octet in range(256)) for pad in (0x36, 0x5C))
_HEX_DIGEST = re.compile(r"[0-9A-Fa-f]{64}")
_REQUIRED = frozenset({"@method", "@authority", "@path", "content-digest", "authorization"})
_WHEN_PRESENT = frozenset({"x-reason", "x-case", "idempotency-key"})
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}
_DIGESTS = {"sha-256": "sha256", "sha-512": "sha512"}
"""Accepted algorithms of Content-Digest, with their names in `hashlib`."""


def message(vin: str, command: str) -> bytes:
    """Version 1: ``json.dumps({"vin": vin, "command": command}, separators=(",", ":"), sort_keys=True)``."""
    return f'{{"command":{encode_basestring_ascii(command)},"vin":{encode_basestring_ascii(vin)}}}'.encode("ascii")


def is_signed(signature: str, vin: str, command: str, secrets: Iterable[bytes]) -> bool:
    """Version 1: whether `signature` (64 hex digits of either case) is the digest by one of the sign-secrets."""
    if not _HEX_DIGEST.fullmatch(signature):
        return False
    given = bytes.fromhex(signature)
    signed = message(vin, command)
    return any(hmac.compare_digest(given, _digest(secret, signed)) for secret in secrets)


def _digest(secret: bytes, signed: bytes) -> bytes:
    """HMAC-SHA256 (RFC 2104), from the states that the secret alone determines: half of its time."""
    inner, outer = (state.copy() for state in _keyed(secret))
    inner.update(signed)
    outer.update(inner.digest())
    return outer.digest()


@lru_cache(maxsize=4096)
def _keyed(secret: bytes) -> "tuple[hashlib._Hash, hashlib._Hash]":
    key = (hashlib.sha256(secret).digest() if len(secret) > _BLOCK else secret).ljust(_BLOCK, b"\0")
    return hashlib.sha256(key.translate(_INNER)), hashlib.sha256(key.translate(_OUTER))


class _Parameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All are required, and others are refused: one that restricts, such as ``expires``, must not be ignored."""

    created: int
    nonce: Annotated[str, msgspec.Meta(pattern=r"^[\x21-\x7e]{1,64}\Z")]
    keyid: str
    alg: Literal["hmac-sha256"]


def signed_nonce(request: Request, body: bytes, principal: Principal) -> Nonce | None:
    """The nonce of a request with a valid version 2 signature, else None; admission checks its age and single use."""
    try:
        return _signed_nonce(request, body, principal)
    except ValueError:
        return None


def signature_base(signed: InnerList, request: Request) -> str:
    """The signed text of version 2 (RFC 9421, 2.5). Raises `ValueError` unless the request has each component once."""
    lines = [f'"{name}": {_component(name, request)}\n' for name in signed.members]
    return f'{"".join(lines)}"@signature-params": {signed}'


def _signed_nonce(request: Request, body: bytes, principal: Principal) -> Nonce | None:
    label, signed = read_labelled_list(request.only(SIGNATURE_INPUT))
    signatures = read_byte_sequences(request.only(b"signature"))
    parameters = msgspec.convert(signed.parameters, _Parameters)
    valid = (
        signatures.keys() == {label}
        and parameters.keyid == principal.client_id
        and _covers_enough(signed, request)
        and _is_digest(request.only(b"content-digest"), body)
        and _is_signed(signatures[label], signature_base(signed, request), principal)
    )
    return Nonce(principal.application_id, parameters.nonce, parameters.created * SECOND) if valid else None


def _covers_enough(signed: InnerList, request: Request) -> bool:
    present = {name for name in _WHEN_PRESENT if name.encode() in request.headers}
    return set(signed.members) == _REQUIRED | present


def _component(name: str, request: Request) -> str:
    match name:
        case "@method":
            return str(request.scope["method"])
        case "@authority":
            return request.only(b"host").lower().removesuffix(_DEFAULT_PORTS[request.scope["scheme"]])
        case "@path":
            return str(request.scope["path"])
    return request.only(name.encode())


def _is_digest(field: str, body: bytes) -> bool:
    """Whether the field has at least one digest of an accepted algorithm, and each of them is the body's."""
    known = {name: digest for name, digest in read_byte_sequences(field).items() if name in _DIGESTS}
    right = [hmac.compare_digest(digest, hashlib.new(_DIGESTS[name], body).digest()) for name, digest in known.items()]
    return bool(right) and all(right)


def _is_signed(given: bytes, base: str, principal: Principal) -> bool:
    signed = base.encode("ascii")
    return any(hmac.compare_digest(given, hmac.digest(secret, signed, "sha256")) for secret in principal.sign_secrets)
