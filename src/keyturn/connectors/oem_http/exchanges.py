"""The record of a request for the timeline: no secret in it, and never more than the start of the answer."""

import json
import re
from collections.abc import Iterable
from http import HTTPStatus
from urllib.parse import quote, quote_plus

import msgspec

from keyturn.connectors.oem_http.auth import Auth
from keyturn.connectors.oem_http.said import decoded
from keyturn.connectors.oem_http.wire import Transfer
from keyturn.connectors.port import Account, Exchange

LONGEST_ANSWER = 500
"""Characters of the answer that are kept."""
MASK = "***"

_LONG = 16
"""Characters from which a secret is no word or number that an answer holds by chance."""
_CALLED_SECRET = re.compile(r"secret|passw|passphrase|token|key|pin(?![a-z])|credential", re.IGNORECASE)


def secrets_of(auth: Auth, account: Account) -> set[str]:
    """What is masked of the account's credentials: what [auth] uses or lists, and what is called a secret."""
    named = auth.uses | set(auth.sensitive)
    return {value for name, value in account.credentials.items() if name in named or _CALLED_SECRET.search(name)}


def exchange(transfer: Transfer, secrets: Iterable[str]) -> Exchange:
    """`secrets` are masked in what was sent and heard; what we say ourselves holds none."""
    heard = transfer.heard
    said = _printable(masked(transfer.body.decode("utf-8", "replace"), secrets)[:LONGEST_ANSWER])
    return Exchange(
        request=masked(transfer.request, secrets),
        at=transfer.at,
        duration_ms=transfer.duration_ms,
        status=heard.status if transfer.status is None else transfer.status,
        answer=transfer.fault or said,
        size=heard.size,
    )


def without_result(record: Exchange, transfer: Transfer) -> Exchange:
    """The record of an exchange that brought nothing, with what was wrong."""
    return msgspec.structs.replace(record, problem=_problem(transfer))


def _problem(transfer: Transfer) -> str:
    if transfer.fault or transfer.status is None:
        return transfer.fault or "no answer"
    if not HTTPStatus.OK <= transfer.status < HTTPStatus.MULTIPLE_CHOICES:
        return f"the OEM answered {transfer.status}"
    if not transfer.body:
        return "the answer is empty"
    return "the answer is not JSON" if decoded(transfer.body) is None else "the answer holds nothing that is looked for"


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
