"""Signing, version 1 (the seeds'): HMAC-SHA256 over the vehicle and the command."""

import hmac
import re
from collections.abc import Iterable
from json.encoder import encode_basestring_ascii

_HEX_DIGEST = re.compile(r"[0-9A-Fa-f]{64}")


def message(vin: str, command: str) -> bytes:
    """What is signed: ``json.dumps({"vin": vin, "command": command}, separators=(",", ":"), sort_keys=True)``."""
    return f'{{"command":{encode_basestring_ascii(command)},"vin":{encode_basestring_ascii(vin)}}}'.encode("ascii")


def is_signed(signature: str, vin: str, command: str, secrets: Iterable[bytes]) -> bool:
    """Whether `signature` (64 hex digits of either case) is the digest under one of the sign-secrets."""
    if not _HEX_DIGEST.fullmatch(signature):
        return False
    given = bytes.fromhex(signature)
    signed = message(vin, command)
    return any(hmac.compare_digest(given, hmac.digest(secret, signed, "sha256")) for secret in secrets)
