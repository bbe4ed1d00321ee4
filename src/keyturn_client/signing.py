"""Signing of commands with an application's sign-secret.

Version 1: HMAC-SHA256 over VIN and command; a confirmation code is not signed. Version 2: HTTP Message Signatures
(RFC 9421) with HMAC-SHA256; each is valid once, for a minute.
"""

import hashlib
import hmac
import json
import secrets
import time
from base64 import b64encode
from collections.abc import Generator, Mapping
from urllib.parse import urlsplit

import httpx2


def message(vin: str, command: str) -> str:
    """The signed text of version 1: compact JSON with sorted keys and everything beyond ASCII escaped."""
    return json.dumps({"vin": vin, "command": command}, separators=(",", ":"), sort_keys=True)


def signature(sign_secret: str, vin: str, command: str) -> str:
    """The `X-Signature` of a command: 64 lower-case hex digits."""
    return hmac.digest(sign_secret.encode(), message(vin, command).encode(), "sha256").hex()


LABEL = "keyturn"
"""Label of the signature in its header fields; it has no meaning."""

_ALWAYS = ("content-digest", "authorization")
_WHEN_PRESENT = ("x-reason", "x-case", "idempotency-key")
_DEFAULT_PORTS = {"http": 80, "https": 443}


def signature_headers(
    client_id: str,
    sign_secret: str,
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    created: int | None = None,
    nonce: str | None = None,
) -> dict[str, str]:
    """The three header fields that sign a request with these `headers`, its Authorization among them.

    `created` is seconds since the Unix epoch, `nonce` 1 to 64 visible ASCII characters; now and random, unless given.
    """
    digest = f"sha-256=:{_base64(hashlib.sha256(body).digest())}:"
    fields = {name.lower(): value.strip() for name, value in headers.items()} | {"content-digest": digest}
    components = {"@method": method, "@authority": _authority(url), "@path": urlsplit(url).path or "/"}
    components |= {name: fields[name] for name in _ALWAYS}
    components |= {name: fields[name] for name in _WHEN_PRESENT if name in fields}
    covered = " ".join(f'"{name}"' for name in components)
    made = int(time.time()) if created is None else created
    parameters = f'created={made};nonce="{nonce or secrets.token_urlsafe(16)}";keyid="{client_id}";alg="hmac-sha256"'
    lines = [f'"{name}": {value}' for name, value in components.items()]
    base = "\n".join([*lines, f'"@signature-params": ({covered});{parameters}'])
    mac = _base64(hmac.digest(sign_secret.encode(), base.encode("ascii"), "sha256"))
    return {
        "Content-Digest": digest,
        "Signature-Input": f"{LABEL}=({covered});{parameters}",
        "Signature": f"{LABEL}=:{mac}:",
    }


class MessageSignature(httpx2.Auth):
    """httpx2 authentication that signs each request with a fresh nonce; Authorization must be set already."""

    requires_request_body = True

    def __init__(self, client_id: str, sign_secret: str) -> None:
        self._client_id = client_id
        self._sign_secret = sign_secret

    def auth_flow(self, request: httpx2.Request) -> Generator[httpx2.Request, httpx2.Response, None]:
        """Called by the client."""
        signed = signature_headers(
            self._client_id, self._sign_secret, request.method, str(request.url), request.headers, request.content
        )
        request.headers.update(signed)
        yield request


def _authority(url: str) -> str:
    """Host and port as the Host field has them, in lower case, without the scheme's own port."""
    parts = urlsplit(url)
    authority = parts.netloc.rpartition("@")[2].lower()
    return authority.removesuffix(f":{_DEFAULT_PORTS.get(parts.scheme)}")


def _base64(octets: bytes) -> str:
    return b64encode(octets).decode()
