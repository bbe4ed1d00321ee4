"""Answers: JSON bodies with their headers, and the one rendering of every refusal."""

import msgspec
from starlette.types import Send

from keyturn.errors import Refusal

Headers = list[tuple[bytes, bytes]]


class Answer(msgspec.Struct, frozen=True):
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


def json_answer(status: int, value: object, headers: Headers | None = None) -> Answer:
    return Answer(status, msgspec.json.encode(value), headers=headers or [])


def detail_answer(status: int, detail: str, headers: dict[str, str] | None = None) -> Answer:
    """A failure before a command is registered: exactly ``{"detail": "..."}``."""
    fields = [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()]
    return json_answer(status, {"detail": detail}, fields)


def refusal_answer(refusal: Refusal) -> Answer:
    wait = {} if refusal.retry_after is None else {"Retry-After": str(refusal.retry_after)}
    return detail_answer(refusal.http_status, refusal.detail, refusal.headers | wait)
