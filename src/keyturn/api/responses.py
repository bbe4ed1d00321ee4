"""HTTP responses: JSON bodies, refusals, and conditional GET (RFC 9110, 8.8.3 and 13.1.2) with a strong ETag."""

import hashlib

import msgspec
from starlette.types import Send

from keyturn.api.request import Request
from keyturn.errors import Refusal

Headers = list[tuple[bytes, bytes]]


class Response(msgspec.Struct, frozen=True):
    """A status with headers and a body. Without a content type (304) it has no body."""

    status: int
    body: bytes = b""
    content_type: bytes = b"application/json"
    headers: Headers = []

    def fields(self) -> Headers:
        """Every header field of the response."""
        if not self.content_type:
            return self.headers
        length = str(len(self.body)).encode()
        return [(b"content-type", self.content_type), (b"content-length", length), *self.headers]

    async def send(self, send: Send) -> None:
        """Send it as two ASGI messages."""
        await send({"type": "http.response.start", "status": self.status, "headers": self.fields()})
        await send({"type": "http.response.body", "body": self.body})


def json_response(status: int, value: object, headers: Headers | None = None) -> Response:
    """A response with `value` as its JSON body."""
    return Response(status, msgspec.json.encode(value), headers=headers or [])


def error_response(status: int, detail: str, headers: dict[str, str] | None = None) -> Response:
    """An error before a command is registered: exactly ``{"detail": "..."}``."""
    fields = [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()]
    return json_response(status, {"detail": detail}, fields)


def refusal_response(refusal: Refusal) -> Response:
    """The public text of a refusal with its status and headers, `Retry-After` among them."""
    wait = {} if refusal.retry_after is None else {"Retry-After": str(refusal.retry_after)}
    return error_response(refusal.http_status, refusal.detail, refusal.headers | wait)


def with_etag(request: Request, response: Response) -> Response:
    """The response with its ETag, or 304 where `If-None-Match` names it."""
    tag = f'"{hashlib.sha256(response.body).hexdigest()[:32]}"'
    header = (b"etag", tag.encode())
    if _matches(tag, request.text(b"if-none-match")):
        return Response(304, content_type=b"", headers=[header])
    return Response(response.status, response.body, headers=[*response.headers, header])


def _matches(tag: str, if_none_match: str | None) -> bool:
    """Weak comparison; no tag of a list contains another one, so that a search for it with its quotes is enough."""
    return if_none_match is not None and (if_none_match.strip() == "*" or tag in if_none_match)
