"""Explains why a version 1 signature does not match: tries the known mistakes of clients one after the other."""

import base64
import hashlib
import hmac
import json
import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any

from keyturn.commands.model.catalogue import IGNITION_PAIR
from keyturn_client.signing import message, signature

_HEX_DIGEST = re.compile(r"[0-9A-Fa-f]{64}")
_ESCAPE = re.compile(r"\\u[0-9a-f]{4}")
_CODES = 1_000_000
_CODE_SIGNED = "The code was signed too; only vin and command are, in both steps."
_NOTHING = "It is no digest of this VIN and command with this sign-secret: check all three, character by character."


def diagnose(
    given: str,
    sign_secret: str,
    vin: str,
    command: str,
    *,
    code: str | None = None,
    other_keys: Mapping[str, str] | None = None,
) -> str | None:
    """The mistake in the signature `given`, in a sentence; None where it matches.

    `code` is the confirmation code, where it is known; without it every code is tried, which takes some seconds.
    `other_keys` are values that may have been used as the key, by their names.
    """
    if given.lower() == signature(sign_secret, vin, command):
        return None
    if not _HEX_DIGEST.fullmatch(given):
        return _malformed(given, sign_secret, vin, command)
    digest = given.lower()
    for mistake, mistaken in _mistaken(sign_secret, vin, command, other_keys or {}):
        if digest == mistaken:
            return mistake
    if command in IGNITION_PAIR and _signs_a_code(digest, sign_secret, vin, command, code):
        return _CODE_SIGNED
    return _NOTHING


def _malformed(given: str, sign_secret: str, vin: str, command: str) -> str:
    digest = bytes.fromhex(signature(sign_secret, vin, command))
    if given.rstrip("=") in {base64.b64encode(digest).decode().rstrip("="), _url_safe(digest)}:
        return "The digest is right, but it is written in base64; write it in hex."
    if given.strip() != given:
        return "It has blanks around it."
    if "=" in given[:10]:
        return f"It must be the 64 hex digits alone, without '{given.partition('=')[0]}=' before them."
    return f"It must be 64 hex digits; this is {len(given)} characters."


def _url_safe(digest: bytes) -> str:
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def _mistaken(sign_secret: str, vin: str, command: str, other_keys: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Each mistake with the digest that results from it."""
    key, right = sign_secret.encode(), message(vin, command)
    for mistake, text in _mistaken_messages(vin, command):
        if text != right:
            yield mistake, _hmac(key, text)
    for mistake, wrong_key in _mistaken_keys(sign_secret):
        yield mistake, _hmac(wrong_key, right)
    for name, other in other_keys.items():
        yield f"The {name} was used as the key; the key is the sign-secret.", _hmac(other.encode(), right)
    yield "Key and message were swapped: the sign-secret is the key.", _hmac(right.encode(), sign_secret)
    plain = "It is a plain SHA-256 digest; HMAC-SHA256 with the sign-secret as its key is needed."
    for text in (right, right + sign_secret, sign_secret + right):
        yield plain, hashlib.sha256(text.encode()).hexdigest()


def _mistaken_messages(vin: str, command: str) -> Iterator[tuple[str, str]]:
    plain: dict[str, Any] = {"vin": vin, "command": command}
    compact = (",", ":")
    yield "The message was written with blanks after ':' and ','.", json.dumps(plain, sort_keys=True)
    yield "The keys were not sorted: 'command' comes before 'vin'.", json.dumps(plain, separators=compact)
    yield "The keys were not sorted, and there were blanks after ':' and ','.", json.dumps(plain)
    unescaped = json.dumps(plain, separators=compact, sort_keys=True, ensure_ascii=False)
    yield "Characters beyond ASCII must be escaped (\\u00e3).", unescaped
    capitals = _ESCAPE.sub(lambda escape: f"\\u{escape[0][2:].upper()}", message(vin, command))
    yield "The hex digits of an escape were capitals (\\u00CD); write them small (\\u00cd).", capitals
    unicode_form = "The VIN was signed in Unicode's form {} and is sent in {}; sign it as it is sent."
    yield unicode_form.format("NFC", "NFD"), message(unicodedata.normalize("NFC", vin), command)
    yield unicode_form.format("NFD", "NFC"), message(unicodedata.normalize("NFD", vin), command)
    yield "The message ended with a line break.", message(vin, command) + "\n"
    with_code = json.dumps(plain | {"code": None}, separators=compact, sort_keys=True)
    yield _CODE_SIGNED, with_code
    yield "The VIN was signed in capitals; sign it as it is sent.", message(vin.upper(), command)
    yield "The VIN was signed in small letters; sign it as it is sent.", message(vin.lower(), command)
    yield "The VIN was signed without its blanks; sign it as it is sent.", message(vin.strip(), command)
    yield "Only the VIN was signed.", vin
    yield "VIN and command were signed without the JSON around them.", vin + command


def _signs_a_code(digest: str, sign_secret: str, vin: str, command: str, code: str | None) -> bool:
    """Whether it is the digest of a message with a confirmation code, as text or as a number."""
    layouts = [text.encode().split(b"000000") for text in _with_code("000000", vin, command)]
    begun = [(hmac.new(sign_secret.encode(), head, "sha256"), tail) for head, tail in layouts]
    for each in range(_CODES) if code is None else (code,):
        padded = f"{each:06d}" if isinstance(each, int) else each
        for written in (padded, padded.lstrip("0")) if padded.startswith("0") else (padded,):
            for begin, tail in begun:
                signed = begin.copy()
                signed.update(written.encode() + tail)
                if signed.hexdigest() == digest:
                    return True
    return False


def _with_code(code: str, vin: str, command: str) -> Iterator[str]:
    """The likely layouts of a message that includes the code."""
    body: dict[str, Any] = {"vin": vin, "command": command, "code": code}
    compact = json.dumps(body, separators=(",", ":"), sort_keys=True)
    yield compact
    yield compact.replace(f'"{code}"', code)
    yield json.dumps(body, separators=(",", ":"))
    yield json.dumps(body)


def _mistaken_keys(sign_secret: str) -> Iterator[tuple[str, bytes]]:
    yield "The sign-secret was used with a line break at its end.", f"{sign_secret}\n".encode()
    if sign_secret.strip() != sign_secret:
        yield "The sign-secret was used without its blanks.", sign_secret.strip().encode()
    yield "The sign-secret was decoded from base64; its characters are the key.", _from_base64(sign_secret)
    if len(sign_secret) % 2 == 0 and re.fullmatch(r"[0-9A-Fa-f]+", sign_secret):
        yield "The sign-secret was decoded from hex; its characters are the key.", bytes.fromhex(sign_secret)


def _from_base64(text: str) -> bytes:
    padded = text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4)
    try:
        return base64.b64decode(padded)
    except ValueError:
        return b""


def _hmac(key: bytes, text: str) -> str:
    return hmac.digest(key, text.encode(errors="surrogatepass"), "sha256").hex()
