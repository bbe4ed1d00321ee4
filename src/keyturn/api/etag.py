"""Conditional GET (RFC 9110, 8.8.3 and 13.1.2): a strong ETag, and 304 where the client has the body already."""

import hashlib
import re

from keyturn.api.answer import Answer
from keyturn.api.request import Request

_ENTITY_TAG = re.compile(r'(?:W/)?("[\x21\x23-\x7e\x80-\xff]*")')


def tagged(request: Request, answer: Answer) -> Answer:
    """The answer with its ETag, or 304 when `If-None-Match` names it."""
    tag = f'"{hashlib.sha256(answer.body).hexdigest()[:32]}"'
    header = (b"etag", tag.encode())
    if _is_known(tag, request.text(b"if-none-match")):
        return Answer(304, content_type=b"", headers=[header])
    return Answer(answer.status, answer.body, headers=[*answer.headers, header])


def _is_known(tag: str, if_none_match: str | None) -> bool:
    if if_none_match is None:
        return False
    return if_none_match.strip() == "*" or tag in _ENTITY_TAG.findall(if_none_match)
