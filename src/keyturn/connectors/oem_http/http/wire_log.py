"""The record of a request for the timeline: no secret in it, and never more than the start of the answer."""

import re
from collections.abc import Iterable
from http import HTTPStatus

import msgspec

from keyturn.connectors.oem_http.answers.answer import decode_json
from keyturn.connectors.oem_http.definition.auth import Auth
from keyturn.connectors.oem_http.http.client import Transfer
from keyturn.connectors.port import Account
from keyturn.connectors.responses import LoggedRequest
from keyturn.connectors.toolkit import answer_start, masked

_CALLED_SECRET = re.compile(r"secret|passw|passphrase|token|key|pin(?![a-z])|credential", re.IGNORECASE)


def secrets_of(auth: Auth, account: Account) -> set[str]:
    """What is masked of the account's credentials: what [auth] uses or lists, and what is called a secret."""
    named = auth.uses | set(auth.sensitive)
    return {value for name, value in account.credentials.items() if name in named or _CALLED_SECRET.search(name)}


def logged_request(transfer: Transfer, secrets: Iterable[str]) -> LoggedRequest:
    """`secrets` are masked in what was sent and heard; what we say ourselves holds none."""
    heard = transfer.heard
    return LoggedRequest(
        request=masked(transfer.request, secrets),
        at=transfer.at,
        duration_ms=transfer.duration_ms,
        status=heard.status if transfer.status is None else transfer.status,
        answer=transfer.fault or answer_start(transfer.body, secrets),
        size=heard.size,
    )


def with_problem(record: LoggedRequest, transfer: Transfer) -> LoggedRequest:
    """The record of an exchange that brought nothing, with what was wrong."""
    return msgspec.structs.replace(record, problem=_problem(transfer))


def _problem(transfer: Transfer) -> str:
    if transfer.fault or transfer.status is None:
        return transfer.fault or "no answer"
    if not HTTPStatus.OK <= transfer.status < HTTPStatus.MULTIPLE_CHOICES:
        return f"the OEM answered {transfer.status}"
    if not transfer.body:
        return "the answer is empty"
    return (
        "the answer is not JSON"
        if decode_json(transfer.body) is None
        else "the answer holds nothing that is looked for"
    )
