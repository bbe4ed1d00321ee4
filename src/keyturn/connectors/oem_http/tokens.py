"""The token that an OEM knows an account by: given, or fetched with OAuth 2.0 client credentials (RFC 6749, 4.4)."""

import asyncio
from base64 import b64encode
from http import HTTPStatus
from typing import Annotated, Protocol
from urllib.parse import quote_plus, urlencode

import msgspec

from keyturn.clock import Clock
from keyturn.connectors.oem_http.requests import Request, Requests
from keyturn.connectors.oem_http.sections import Auth
from keyturn.connectors.oem_http.wire import Transfer, Wire
from keyturn.connectors.port import Account

FETCH_WITHIN = 10.0
"""Seconds for one request to the token endpoint."""
DEFAULT_LIFE = 300.0
"""Seconds that a token counts as good where the endpoint does not say."""
MARGIN = 30.0
"""Seconds before its end from which a token is not used any more."""

_NOT_TEMPORARY = frozenset({400, 401, 403, 404})


class TokenError(Exception):
    """There is no token: nothing can be sent. Holds the record of the failed request, where there was one."""

    def __init__(self, fault: str, *, temporary: bool, transfer: Transfer | None = None) -> None:
        super().__init__(fault)
        self.fault = fault
        self.temporary = temporary
        self.transfer = transfer


class Tokens(Protocol):
    """Where the tokens of one connector's accounts come from."""

    async def current(self, account: Account) -> str:
        """Raises `TokenError`."""
        ...

    async def renewed(self, account: Account, stale: str) -> str | None:
        """Another token than the one that the OEM refused; None where there can be none. Raises `TokenError`."""
        ...

    async def close(self) -> None: ...


class GivenTokens:
    """scheme = "bearer": the account's credential `token`."""

    async def current(self, account: Account) -> str:
        return _credential(account, "token")

    async def renewed(self, account: Account, stale: str) -> str | None:
        return None

    async def close(self) -> None:
        return None


class _Issued(msgspec.Struct, frozen=True):
    token: str
    credentials: dict[str, str]
    good_until: float
    """On CLOCK_BOOTTIME."""


class FetchedTokens:
    """scheme = "oauth2": fetched with the account's `client_id` and `client_secret`, kept until shortly before its end.

    Whoever needs the same account's token at the same time waits for one fetch.
    """

    def __init__(self, auth: Auth, requests: Requests, wire: Wire, clock: Clock) -> None:
        self._auth = auth
        self._requests = requests
        self._wire = wire
        self._clock = clock
        self._issued: dict[str, _Issued] = {}
        self._fetches: dict[str, asyncio.Task[_Issued]] = {}

    async def current(self, account: Account) -> str:
        issued = self._issued.get(account.id)
        if issued and issued.credentials == account.credentials and self._clock.boottime() < issued.good_until:
            return issued.token
        return await self._fetched_once(account)

    async def renewed(self, account: Account, stale: str) -> str | None:
        issued = self._issued.get(account.id)
        if issued and issued.token == stale:
            del self._issued[account.id]
        return await self.current(account)

    async def close(self) -> None:
        fetches = list(self._fetches.values())
        for fetch in fetches:
            fetch.cancel()
        await asyncio.gather(*fetches, return_exceptions=True)

    async def _fetched_once(self, account: Account) -> str:
        fetch = self._fetches.get(account.id)
        if fetch is None:
            fetch = self._fetches[account.id] = asyncio.create_task(self._fetch(account))
            fetch.add_done_callback(lambda done: self._keep(account.id, done))
        return (await asyncio.shield(fetch)).token

    def _keep(self, account_id: str, done: asyncio.Task[_Issued]) -> None:
        del self._fetches[account_id]
        if not done.cancelled() and done.exception() is None:
            self._issued[account_id] = done.result()

    async def _fetch(self, account: Account) -> _Issued:
        transfer = await self._wire.question(self._request(account), FETCH_WITHIN)
        if transfer.status is None:
            raise TokenError("no answer from the OEM's token endpoint", temporary=True, transfer=transfer)
        if transfer.status != HTTPStatus.OK:
            fault = f"the OEM's token endpoint answered {transfer.status}"
            raise TokenError(fault, temporary=transfer.status not in _NOT_TEMPORARY, transfer=transfer)
        try:
            answer = msgspec.json.decode(transfer.body, type=_TokenAnswer, strict=False)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise TokenError("the OEM's token endpoint gave no token", temporary=True, transfer=transfer) from None
        good_for = max(0.0, answer.expires_in - MARGIN)
        return _Issued(answer.access_token, account.credentials, self._clock.boottime() + good_for)

    def _request(self, account: Account) -> Request:
        client_id, client_secret = _credential(account, "client_id"), _credential(account, "client_secret")
        form = {"grant_type": "client_credentials", **self._auth.parameters}
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        if self._auth.scope:
            form["scope"] = self._auth.scope
        if self._auth.client_in == "body":
            form |= {"client_id": client_id, "client_secret": client_secret}
        else:
            pair = f"{quote_plus(client_id)}:{quote_plus(client_secret)}"
            headers["Authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
        return self._requests.token(self._auth.token_url or "", urlencode(form).encode(), headers)


class _TokenAnswer(msgspec.Struct, frozen=True):
    access_token: Annotated[str, msgspec.Meta(pattern=r"^[\x21-\x7e]+\Z")]
    """What a header can hold; anything else is no token."""
    expires_in: float = DEFAULT_LIFE


def _credential(account: Account, name: str) -> str:
    value = account.credentials.get(name)
    if not value:
        raise TokenError(f"the account has no credential `{name}`", temporary=False)
    return value
