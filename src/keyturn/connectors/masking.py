"""Secrets kept out of the record of an exchange, whatever protocol it went by."""

import json
import re
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

LONGEST_ANSWER = 500
"""Characters of an answer that are kept."""
MASK = "***"

_LONG = 16
"""Characters from which a secret is no word or number that an answer holds by chance."""


def answer_start(body: bytes, secrets: Iterable[str]) -> str:
    """The start of an answer for an `Exchange`: masked, printable and at most `LONGEST_ANSWER` characters long."""
    return _printable(masked(body.decode("utf-8", "replace"), secrets)[:LONGEST_ANSWER])


def masked(text: str, secrets: Iterable[str]) -> str:
    """`text` with every secret replaced where it is a whole value, also as a URL or JSON writes it; the longest first.

    A long one is replaced wherever it stands: by chance it stands nowhere.
    """
    for form in sorted({form for secret in secrets if secret for form in _forms(secret)}, key=len, reverse=True):
        text = re.sub(_pattern(form), MASK, text)
    return text


def _pattern(form: str) -> str:
    """A short secret counts between what is neither letter nor digit; a percent-encoded character is one such."""
    literal = re.escape(form)
    return literal if len(form) >= _LONG else rf"(?:(?<!\w)|(?<=%[0-9A-Fa-f]{{2}})){literal}(?!\w)"


def _forms(secret: str) -> tuple[str, ...]:
    as_json = (json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1])
    return (secret, quote(secret, safe=""), quote(secret), quote_plus(secret), *as_json)


def _printable(text: str) -> str:
    """Databases refuse NUL, and terminals obey control characters."""
    return "".join(
        letter if letter.isprintable() or letter in "\n\t" else "\N{REPLACEMENT CHARACTER}" for letter in text
    )
