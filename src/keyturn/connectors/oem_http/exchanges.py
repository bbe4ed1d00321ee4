"""The record of a request for the timeline: no secret in it, and never more than the start of the answer."""

import json
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

from keyturn.connectors.oem_http.wire import Transfer
from keyturn.connectors.port import Exchange

LONGEST_ANSWER = 500
"""Characters of the answer that are kept."""
MASK = "***"


def exchange(transfer: Transfer, secrets: Iterable[str]) -> Exchange:
    """`secrets` are the account's credentials and the tokens used."""
    answer = transfer.fault or transfer.body.decode("utf-8", "replace")
    return Exchange(
        request=masked(transfer.request, secrets),
        at=transfer.at,
        duration_ms=transfer.duration_ms,
        status=transfer.status,
        answer=_printable(masked(answer, secrets)[:LONGEST_ANSWER]),
    )


def masked(text: str, secrets: Iterable[str]) -> str:
    """`text` with every secret replaced, also as a URL or JSON writes it; the longest first."""
    for form in sorted({form for secret in secrets if secret for form in _forms(secret)}, key=len, reverse=True):
        text = text.replace(form, MASK)
    return text


def _forms(secret: str) -> tuple[str, ...]:
    as_json = (json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1])
    return (secret, quote(secret, safe=""), quote(secret), quote_plus(secret), *as_json)


def _printable(text: str) -> str:
    """Databases refuse NUL, and terminals obey control characters."""
    return "".join(
        letter if letter.isprintable() or letter in "\n\t" else "\N{REPLACEMENT CHARACTER}" for letter in text
    )
