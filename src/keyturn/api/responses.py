"""Answers: JSON bodies with their headers, and the one rendering of every refusal.

Conditional GET (RFC 9110, 8.8.3 and 13.1.2): a strong ETag, and 304 where the client has the body already.
"""

import hashlib

import msgspec
from starlette.types import Send

from keyturn.api.request import Request
from keyturn.errors import Refusal

Headers = list[tuple[bytes, bytes]]


class Response(msgspec.Struct, frozen=True):
    """What is sent back. An answer without a content type (304) has no body at all."""

    status: int
    body: bytes = b""
    content_type: bytes = b"application/json"
    headers: Headers = []

    def fields(self) -> Headers:
        """Every header field of the answer."""
        if not self.content_type:
            return self.headers
        length = str(len(self.body)).encode()
        return [(b"content-type", self.content_type), (b"content-length", length), *self.headers]

    async def send(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status, "headers": self.fields()})
        await send({"type": "http.response.body", "body": self.body})


def json_response(status: int, value: object, headers: Headers | None = None) -> Response:
    return Response(status, msgspec.json.encode(value), headers=headers or [])


def error_response(status: int, detail: str, headers: dict[str, str] | None = None) -> Response:
    """A failure before a command is registered: exactly ``{"detail": "..."}``."""
    fields = [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()]
    return json_response(status, {"detail": detail}, fields)


def refusal_response(refusal: Refusal) -> Response:
    wait = {} if refusal.retry_after is None else {"Retry-After": str(refusal.retry_after)}
    return error_response(refusal.http_status, refusal.detail, refusal.headers | wait)


def with_etag(request: Request, answer: Response) -> Response:
    """The answer with its ETag, or 304 when `If-None-Match` names it."""
    tag = f'"{hashlib.sha256(answer.body).hexdigest()[:32]}"'
    header = (b"etag", tag.encode())
    if _is_known(tag, request.text(b"if-none-match")):
        return Response(304, content_type=b"", headers=[header])
    return Response(answer.status, answer.body, headers=[*answer.headers, header])


def _is_known(tag: str, if_none_match: str | None) -> bool:
    """Weak comparison: no tag of a list can hold another one, so finding it with its quotes is enough."""
    return if_none_match is not None and (if_none_match.strip() == "*" or tag in if_none_match)
