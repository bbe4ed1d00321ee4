"""Time-based one-time codes: RFC 6238 with SHA-1, 30 seconds and six digits, as authenticator apps have them."""

import base64
import hmac
import secrets
from urllib.parse import quote

from keyturn.clock import SECOND

_SECRET_BYTES = 20
_PERIOD = 30 * SECOND
_DIGITS = 6
_DRIFT = (-1, 0, 1)
"""Steps by which the clock of the authenticator may be off."""


def new_secret() -> bytes:
    return secrets.token_bytes(_SECRET_BYTES)


def enrolment_uri(name: str, secret: bytes) -> str:
    """The ``otpauth`` URI for an authenticator app; it contains the secret."""
    label, base32 = quote(f"Keyturn:{name}", safe=":"), base64.b32encode(secret).decode()
    return f"otpauth://totp/{label}?secret={base32}&issuer=Keyturn&algorithm=SHA1&digits={_DIGITS}&period=30"


def code_at(secret: bytes, step: int) -> str:
    """The code of a 30-second step since the epoch (RFC 4226, section 5.3)."""
    digest = hmac.digest(secret, step.to_bytes(8, "big"), "sha1")
    offset = digest[-1] & 0x0F
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFF_FFFF
    return f"{number % 10**_DIGITS:0{_DIGITS}}"


def step_at(instant: int) -> int:
    return instant // _PERIOD


def step_of(secret: bytes, code: str, now: int, newest_used: int) -> int | None:
    """The step of the code; None for a wrong code, and for one that is not newer than the newest used."""
    steps = [step_at(now) + drift for drift in _DRIFT]
    received = code.encode(errors="replace")
    fitting = [step for step in steps if hmac.compare_digest(code_at(secret, step).encode(), received)]
    return next((step for step in fitting if step > newest_used), None)
