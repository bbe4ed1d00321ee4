"""An HTTP request for the handlers: header fields by name, and the body up to a limit."""

import re
from collections.abc import Iterable

from starlette.types import Receive, Scope

from keyturn.entropy import random_bytes
from keyturn.errors import BodyTooLarge

HeaderFields = Iterable[tuple[bytes, bytes]]

_REQUEST_ID = re.compile(rb"[\x21-\x7e]{1,128}")


class ClientGone(Exception):
    """The client disconnected before its request was complete; no answer can be sent."""


class Request:
    """One HTTP request. `headers` holds repeated fields joined by a comma (RFC 9110, 5.3)."""

    __slots__ = ("_receive", "headers", "id", "scope")

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self._receive = receive
        self.scope = scope
        self.headers = joined_headers(scope["headers"])
        self.id = request_id(self.headers)

    def text(self, name: bytes) -> str | None:
        """A header field as text, None when absent."""
        value = self.headers.get(name)
        return None if value is None else value.decode("latin-1")

    def only(self, name: bytes) -> str:
        """A header field that came once and in ASCII. Raises `ValueError`."""
        (value,) = (value for field, value in self.scope["headers"] if field == name)
        return str(value.decode("ascii")).strip(" \t")

    async def body(self, limit: int) -> bytes:
        """The whole body. Raises `BodyTooLarge` beyond `limit` bytes, at once where the length was declared."""
        if int(self.headers.get(b"content-length", b"0")[:20]) > limit:
            raise BodyTooLarge
        body, more = await self._part()
        while more and len(body) <= limit:
            part, more = await self._part()
            body += part
        if len(body) > limit:
            raise BodyTooLarge
        return body

    async def _part(self) -> tuple[bytes, bool]:
        message = await self._receive()
        if message["type"] != "http.request":
            raise ClientGone
        return message["body"], message["more_body"]


def joined_headers(fields: HeaderFields) -> dict[bytes, bytes]:
    """Header fields by lower-case name."""
    headers: dict[bytes, bytes] = {}
    for name, value in fields:
        headers[name] = headers[name] + b", " + value if name in headers else value
    return headers


def request_id(headers: dict[bytes, bytes]) -> bytes:
    """The client's own id when it is 1 to 128 visible ASCII characters, else a new one."""
    given = headers.get(b"x-request-id", b"")
    return given if _REQUEST_ID.fullmatch(given) else random_bytes(16).hex().encode()
