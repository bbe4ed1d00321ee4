"""An HTTP request and its signature, derived step by step from the text of RFC 9421, apart from the product's code."""

import base64
import hashlib
import hmac
import itertools
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

COVERED = ("@method", "@authority", "@path", "content-digest", "authorization")
NONCES = itertools.count(1)


def content_digest(body: bytes, algorithm: str = "sha-256") -> str:
    """RFC 9530, section 2."""
    digest = hashlib.new(algorithm.replace("-", ""), body).digest()
    return f"{algorithm}=:{base64.b64encode(digest).decode()}:"


@dataclass(frozen=True)
class HttpMessage:
    """A request as it goes over the wire; `fields` may repeat a name."""

    authority: str
    fields: tuple[tuple[str, str], ...]
    body: bytes
    method: str = "POST"
    path: str = "/vehicle-command"

    def component(self, name: str) -> str:
        """RFC 9421, section 2.1 for fields and 2.2 for the derived components."""
        if name == "@method":
            return self.method
        if name == "@authority":
            return self.authority.lower()
        if name == "@path":
            return self.path
        return ", ".join(value.strip() for field, value in self.fields if field.lower() == name)

    def base(self, covered: Sequence[str], parameters: str) -> str:
        """RFC 9421, section 2.5."""
        base = ""
        for name in covered:
            base += f'"{name}": ' + self.component(name) + "\n"
        base += '"@signature-params": ' + inner_list(covered) + parameters
        return base

    def signed(
        self, secret: str, parameters: str, covered: Sequence[str] = COVERED, label: str = "sig1"
    ) -> "HttpMessage":
        """RFC 9421, section 3.1, with the algorithm of 3.3.3."""
        base = self.base(covered, parameters)
        signature = hmac.new(secret.encode("utf-8"), base.encode("ascii"), hashlib.sha256).digest()
        return self.having(
            ("Signature-Input", f"{label}={inner_list(covered)}{parameters}"),
            ("Signature", f"{label}=:{base64.b64encode(signature).decode()}:"),
        )

    def having(self, *more: tuple[str, str]) -> "HttpMessage":
        """The same with further fields."""
        return replace(self, fields=(*self.fields, *more))

    def without(self, name: str) -> "HttpMessage":
        return replace(self, fields=tuple(each for each in self.fields if each[0].lower() != name.lower()))

    def changed(self, name: str, old: str, new: str) -> "HttpMessage":
        """The same with `old` in a field's value replaced, once."""
        value = self.value(name)
        assert old in value
        return self.without(name).having((name, value.replace(old, new, 1)))

    def value(self, name: str) -> str:
        (value,) = (value for field, value in self.fields if field.lower() == name.lower())
        return value

    def wire(self) -> bytes:
        lines = [f"{self.method} {self.path} HTTP/1.1", f"Host: {self.authority}", "Connection: close"]
        lines += [f"{name}: {value}" for name, value in self.fields]
        lines += [f"Content-Length: {len(self.body)}", "", ""]
        return "\r\n".join(lines).encode("utf-8") + self.body


def inner_list(covered: Sequence[str]) -> str:
    return "(" + " ".join(f'"{name}"' for name in covered) + ")"


def parameters(client_id: str, *, created: int | None = None, nonce: str | None = None) -> str:
    """The four parameters; by default created now and with a fresh nonce."""
    made = int(time.time()) if created is None else created
    unique = nonce or f"nonce-{next(NONCES)}"
    return f';created={made};nonce="{unique}";keyid="{client_id}";alg="hmac-sha256"'


def drafted(authority: str, token: str, body: bytes, *more: tuple[str, str]) -> HttpMessage:
    """A request that is all ready to be signed."""
    fields = (("Authorization", f"Bearer {token}"), ("Content-Digest", content_digest(body)), *more)
    return HttpMessage(authority, fields, body)
