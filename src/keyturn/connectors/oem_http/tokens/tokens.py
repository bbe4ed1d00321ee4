"""Access tokens of accounts: given as a credential, or fetched as [auth] says (RFC 6749)."""

import asyncio
from typing import Protocol

import msgspec

from keyturn.clock import Clock
from keyturn.connectors.oem_http.answers.answer import decode_json
from keyturn.connectors.oem_http.definition.auth import Auth
from keyturn.connectors.oem_http.definition.queries import PlaceholderError
from keyturn.connectors.oem_http.definition.values import account_values
from keyturn.connectors.oem_http.http.client import HttpClient, Transfer
from keyturn.connectors.oem_http.http.requests import Requests
from keyturn.connectors.oem_http.tokens.login_pauses import LoginPauses
from keyturn.connectors.oem_http.tokens.refresh import REFRESH_TOKEN, RefreshTokens
from keyturn.connectors.oem_http.tokens.token_requests import IssuedTokens, credential, issued_tokens, token_request
from keyturn.connectors.port import Account, CredentialKeeper

FETCH_WITHIN = 10.0
"""Seconds for one request to the token endpoint."""
MARGIN = 30.0
"""Seconds before its expiry from which a token is not used any more."""
USELESS_FOR = 60.0
"""Seconds for which no other token is fetched after a new one was refused: it would be refused too."""

_NOT_TEMPORARY = frozenset({400, 401, 403, 404})


class TokenError(Exception):
    """There is no token, so nothing can be sent. Has the failed request to the token endpoint, if there was one."""

    def __init__(
        self,
        failure: str,
        *,
        temporary: bool,
        transfer: Transfer | None = None,
        retry_after: float | None = None,
        secrets: frozenset[str] = frozenset(),
    ) -> None:
        super().__init__(failure)
        self.failure = failure
        self.temporary = temporary
        self.transfer = transfer
        self.retry_after = retry_after
        self.secrets = secrets
        """What to mask in the log of that request, besides the account's credentials."""


class TokenSource(Protocol):
    """Gives the tokens of one connector's accounts."""

    async def current(self, account: Account, *, urgent: bool = False) -> str:
        """Raises `TokenError`. `urgent` waits less long after a failure."""
        ...

    async def renewed(self, account: Account, stale: str, *, urgent: bool = False) -> str | None:
        """Another token than the one that the OEM refused; None where there can be none. Raises `TokenError`."""
        ...

    def useless(self, account: Account) -> None:
        """The OEM refused a token that was issued just now."""
        ...

    def discard(self, account: Account, token: str) -> None:
        """The token may be invalid: the next request gets another one, where there can be one."""
        ...

    async def close(self) -> None: ...


class StaticTokens:
    """scheme = "bearer": the account's credential `token`."""

    async def current(self, account: Account, *, urgent: bool = False) -> str:
        try:
            return credential(account_values(account), "token")
        except PlaceholderError as error:
            raise TokenError(str(error), temporary=False) from None

    async def renewed(self, account: Account, stale: str, *, urgent: bool = False) -> str | None:
        return None

    def useless(self, account: Account) -> None:
        return None

    def discard(self, account: Account, token: str) -> None:
        return None

    async def close(self) -> None:
        return None


class _Kept(msgspec.Struct, frozen=True):
    token: str
    credentials: dict[str, str]
    good_until: float
    """On CLOCK_BOOTTIME."""


class OAuthTokens:
    """scheme = "oauth2": fetched with the account's credentials, kept until shortly before its expiry.

    Concurrent requests of one account share one fetch.
    """

    def __init__(
        self, auth: Auth, requests: Requests, client: HttpClient, clock: Clock, keeper: CredentialKeeper | None = None
    ) -> None:
        self._auth = auth
        self._requests = requests
        self._client = client
        self._clock = clock
        self._kept: dict[str, _Kept] = {}
        self._fetches: dict[str, asyncio.Task[_Kept]] = {}
        self._useless_until: dict[str, float] = {}
        self._refresh = RefreshTokens(keeper)
        self._pauses = LoginPauses(clock)

    async def current(self, account: Account, *, urgent: bool = False) -> str:
        known = self._refresh.latest(account)
        kept = self._kept.get(known.id)
        if kept and kept.credentials == known.credentials and self._clock.boottime() < kept.good_until:
            return kept.token
        return await self._fetched_once(known, urgent=urgent)

    async def renewed(self, account: Account, stale: str, *, urgent: bool = False) -> str | None:
        if not urgent and self._clock.boottime() < self._useless_until.get(account.id, 0.0):
            return None
        self.discard(account, stale)
        return await self.current(account, urgent=urgent)

    def useless(self, account: Account) -> None:
        self._useless_until[account.id] = self._clock.boottime() + USELESS_FOR

    def discard(self, account: Account, token: str) -> None:
        kept = self._kept.get(account.id)
        if kept and kept.token == token:
            del self._kept[account.id]

    async def close(self) -> None:
        """Wait for a refresh token that is being replaced now; its successor would be lost."""
        fetches = list(self._fetches.values())
        if fetches and self._auth.rotates:
            await asyncio.wait(fetches, timeout=FETCH_WITHIN)
        for fetch in fetches:
            fetch.cancel()
        await asyncio.gather(*fetches, return_exceptions=True)

    async def _fetched_once(self, account: Account, *, urgent: bool) -> str:
        fetch = self._fetches.get(account.id)
        if fetch is None:
            self._refuse_while_paused(account, urgent=urgent)
            fetch = self._fetches[account.id] = asyncio.create_task(self._fetch(account))
            fetch.add_done_callback(lambda done: self._keep(account.id, done))
        return (await asyncio.shield(fetch)).token

    def _refuse_while_paused(self, account: Account, *, urgent: bool) -> None:
        pause = self._pauses.current(account, urgent=urgent)
        if pause is not None:
            failure = f"{pause.failure}; it is asked again in {pause.left:.0f} s"
            raise TokenError(failure, temporary=pause.temporary, retry_after=pause.left)

    def _keep(self, account_id: str, done: asyncio.Task[_Kept]) -> None:
        del self._fetches[account_id]
        if not done.cancelled() and done.exception() is None:
            self._kept[account_id] = done.result()

    async def _fetch(self, account: Account) -> _Kept:
        try:
            got = await self._request(account)
        except TokenError as error:
            if error.transfer is not None:
                error.retry_after = self._pauses.failed(
                    account, error.failure, error.transfer.retry_after, temporary=error.temporary
                )
            raise
        self._pauses.succeeded(account)
        good_for = max(0.0, got.life - MARGIN)
        good_until = self._clock.boottime() + good_for
        if self._auth.rotates:
            account = await self._refresh.rotated(account, got.refresh_token)
        return _Kept(got.token, account.credentials, good_until)

    async def _request(self, account: Account) -> IssuedTokens:
        values = account_values(account)
        try:
            request = token_request(self._auth, self._requests, values)
        except PlaceholderError as error:
            raise TokenError(str(error), temporary=False) from None
        transfer = await self._client.query(request, FETCH_WITHIN)
        secrets = frozenset({account.credentials.get(REFRESH_TOKEN, "")})
        if transfer.status is None:
            failure = "no answer from the OEM's token endpoint"
            raise TokenError(failure, temporary=True, transfer=transfer, secrets=secrets)
        if not 200 <= transfer.status < 300:
            failure = f"the OEM's token endpoint answered {transfer.status}"
            temporary = transfer.status not in _NOT_TEMPORARY
            raise TokenError(failure, temporary=temporary, transfer=transfer, secrets=secrets)
        got = issued_tokens(self._auth, decode_json(transfer.body), values)
        if got is None:
            failure = "the OEM's token endpoint gave no token"
            raise TokenError(failure, temporary=True, transfer=transfer, secrets=secrets)
        return got
