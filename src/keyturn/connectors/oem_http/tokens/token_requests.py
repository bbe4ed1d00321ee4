"""Requests to the token endpoint, by [auth], and their responses. Pure."""

import re
from base64 import b64encode
from typing import Any
from urllib.parse import quote_plus, urlencode

import msgspec

from keyturn.connectors.oem_http.answers.answer import Answer
from keyturn.connectors.oem_http.answers.conversion import as_text
from keyturn.connectors.oem_http.definition.auth import Auth
from keyturn.connectors.oem_http.definition.queries import NO_VALUES, PlaceholderError, Values
from keyturn.connectors.oem_http.definition.times import is_number
from keyturn.connectors.oem_http.http.requests import Request, Requests

DEFAULT_LIFE = 300.0
"""Seconds for which a token is used where the endpoint gives no lifetime."""
_LIFE_UNITS = {"s": 1.0, "ms": 0.001}
_HEADER_TEXT = re.compile(r"[\x21-\x7e]+")
"""What an HTTP header can hold; anything else is no token."""


class IssuedTokens(msgspec.Struct, frozen=True):
    """Tokens that the endpoint issued."""

    token: str
    life: float
    """Seconds."""
    refresh_token: str | None = None


def token_request(auth: Auth, requests: Requests, values: Values) -> Request:
    """`values` has the account's credentials. Raises `PlaceholderError` for one that is missing."""
    headers: dict[str, str] = {}
    fields = _granted(auth, values) | (auth.parameters.tree(values) if auth.parameters else {})
    if auth.scope:
        fields["scope"] = auth.scope.plain(values)
    fields |= _client(auth, values, headers)
    as_json = auth.request == "json"
    headers["Content-Type"] = "application/json" if as_json else "application/x-www-form-urlencoded"
    body = msgspec.json.encode(fields) if as_json else urlencode({key: as_text(fields[key]) for key in fields}).encode()
    if auth.token_url is None:
        raise PlaceholderError("no address to get a token from")
    return requests.token(auth.token_url, values, body, headers)


def issued_tokens(auth: Auth, document: Any, values: Values = NO_VALUES) -> IssuedTokens | None:
    """The tokens in a response; None where it has none."""
    answer = Answer(document, values)
    token, life, refresh = answer.at(auth.token), answer.at(auth.life), answer.at(auth.refresh_token)
    if not isinstance(token, str) or not _HEADER_TEXT.fullmatch(token):
        return None
    seconds = max(0.0, float(life) * _LIFE_UNITS[auth.life_unit]) if is_number(life) else DEFAULT_LIFE
    return IssuedTokens(token, seconds, refresh if isinstance(refresh, str) and refresh else None)


def _granted(auth: Auth, values: Values) -> dict[str, Any]:
    if auth.grant == "none":
        return {}
    needed = {"password": ("username", "password"), "refresh_token": ("refresh_token",)}.get(auth.grant, ())
    return {"grant_type": auth.grant, **{name: credential(values, name) for name in needed}}


def _client(auth: Auth, values: Values, headers: dict[str, str]) -> dict[str, Any]:
    """The client's credentials, needed by `client_credentials` alone; in the header: HTTP Basic (RFC 6749, 2.3.1)."""
    known = {name for name in ("client_id", "client_secret") if values.get(f"account.{name}")}
    if auth.grant == "none" and auth.client_in == "body":
        return {}
    needed = ("client_id", "client_secret") if auth.grant == "client_credentials" else sorted(known)
    client = {name: credential(values, name) for name in needed}
    if auth.client_in == "body":
        return client
    if client:
        pair = f"{quote_plus(client['client_id'])}:{quote_plus(client.get('client_secret', ''))}"
        headers["Authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
    return {}


def credential(values: Values, name: str) -> str:
    """Raises `PlaceholderError`."""
    value = values.get(f"account.{name}")
    if not value:
        raise PlaceholderError(f"the account has no credential `{name}`")
    return str(value)
