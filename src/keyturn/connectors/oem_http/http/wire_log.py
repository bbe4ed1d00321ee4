"""Logs requests to the OEM for the timeline: secrets masked, and the start of the response alone."""

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

_SECRET_NAME = re.compile(r"secret|passw|passphrase|token|key|pin(?![a-z])|credential", re.IGNORECASE)


def secrets_of(auth: Auth, account: Account) -> set[str]:
    """Values of the account's credentials to mask: those that [auth] uses or lists, and those named like a secret."""
    named = auth.uses | set(auth.sensitive)
    return {value for name, value in account.credentials.items() if name in named or _SECRET_NAME.search(name)}


def logged_request(transfer: Transfer, secrets: Iterable[str]) -> LoggedRequest:
    """The log of a request, with `secrets` masked in what was sent and received."""
    received = transfer.received
    return LoggedRequest(
        request=masked(transfer.request, secrets),
        at=transfer.at,
        duration_ms=transfer.duration_ms,
        status=received.status if transfer.status is None else transfer.status,
        answer=transfer.failure or answer_start(transfer.body, secrets),
        size=received.size,
    )


def with_problem(record: LoggedRequest, transfer: Transfer) -> LoggedRequest:
    """The log of a request without a usable response, with the reason."""
    return msgspec.structs.replace(record, problem=_problem(transfer))


def _problem(transfer: Transfer) -> str:
    if transfer.failure or transfer.status is None:
        return transfer.failure or "no answer"
    if not HTTPStatus.OK <= transfer.status < HTTPStatus.MULTIPLE_CHOICES:
        return f"the OEM answered {transfer.status}"
    if not transfer.body:
        return "the answer is empty"
    return (
        "the answer is not JSON"
        if decode_json(transfer.body) is None
        else "the answer holds nothing that is looked for"
    )
