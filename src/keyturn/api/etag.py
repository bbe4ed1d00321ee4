"""Conditional GET (RFC 9110, 8.8.3 and 13.1.2): a strong ETag, and 304 where the client has the body already."""

import hashlib

from keyturn.api.answer import Answer
from keyturn.api.request import Request


def tagged(request: Request, answer: Answer) -> Answer:
    """The answer with its ETag, or 304 when `If-None-Match` names it."""
    tag = f'"{hashlib.sha256(answer.body).hexdigest()[:32]}"'
    header = (b"etag", tag.encode())
    if _is_known(tag, request.text(b"if-none-match")):
        return Answer(304, content_type=b"", headers=[header])
    return Answer(answer.status, answer.body, headers=[*answer.headers, header])


def _is_known(tag: str, if_none_match: str | None) -> bool:
    """Weak comparison: no tag of a list can hold another one, so finding it with its quotes is enough."""
    return if_none_match is not None and (if_none_match.strip() == "*" or tag in if_none_match)
