"""Sends requests with the account's token, once more with another token where it is refused, and logs both."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import NamedTuple

import msgspec

from keyturn.clock import Clock
from keyturn.connectors.oem_http.definition.auth import Auth, TokenStatus
from keyturn.connectors.oem_http.http.client import HttpClient, Transfer
from keyturn.connectors.oem_http.http.requests import Request
from keyturn.connectors.oem_http.http.wire_log import logged_request, secrets_of
from keyturn.connectors.oem_http.http.write_once import WriteOnceGuard
from keyturn.connectors.oem_http.tokens.tokens import TokenError, TokenSource
from keyturn.connectors.port import Account
from keyturn.connectors.responses import LoggedRequest
from keyturn.connectors.toolkit import Deadline

Write = Callable[[Request], Awaitable[Transfer]]
TokenCheck = Callable[[Transfer], TokenStatus]
"""What a response means for the token."""


class CallResult(NamedTuple):
    """How a request ended, and its log."""

    transfer: Transfer
    exchange: LoggedRequest
    earlier: tuple[LoggedRequest, ...] = ()
    """Requests before it whose token was refused."""


class PreparedRequest(NamedTuple):
    """One request, without its token."""

    account: Account
    request: Request
    deadline: Deadline
    """Everything is written before it; the token is fetched before it too."""
    token_status: TokenCheck
    urgent: bool = False
    """A restoring command: it waits less long for a token endpoint that fails."""


class AuthorizedClient:
    """Sends one connector's requests. Never raises for what the OEM or the network did."""

    def __init__(self, auth: Auth, tokens: TokenSource, client: HttpClient, clock: Clock) -> None:
        self._auth = auth
        self._tokens = tokens
        self._client = client
        self._clock = clock

    async def command(self, call: PreparedRequest) -> CallResult:
        """Every write has its own guard: where the token is refused nothing was done, so another write may follow."""
        return await self._call(call, lambda signed: self._client.command(signed, WriteOnceGuard(call.deadline)))

    async def query(self, call: PreparedRequest) -> CallResult:
        """A query; its response is received before the deadline too."""
        return await self._call(call, lambda signed: self._client.query(signed, call.deadline.left()))

    async def _call(self, call: PreparedRequest, write: Write) -> CallResult:
        secrets, written = secrets_of(self._auth, call.account), list[Transfer]()
        try:
            await self._send(call, write, secrets, written)
        except TokenError as error:
            secrets |= error.secrets
            written.append(self._not_sent(call.request, error))
        except TimeoutError:
            written.append(self._not_sent(call.request, TokenError("no token in time", temporary=True)))
        *earlier, last = written
        return CallResult(last, logged_request(last, secrets), tuple(logged_request(each, secrets) for each in earlier))

    async def _send(self, call: PreparedRequest, write: Write, secrets: set[str], written: list[Transfer]) -> None:
        """`written` gets every transfer, `secrets` every token."""
        async with asyncio.timeout(call.deadline.left()):
            token = await self._tokens.current(call.account, urgent=call.urgent)
        secrets.add(token)
        written.append(await write(self._with_token(call.request, token)))
        status = call.token_status(written[-1])
        if status is TokenStatus.DOUBTFUL:
            self._tokens.discard(call.account, token)
        if status is not TokenStatus.REFUSED:
            return
        async with asyncio.timeout(call.deadline.left()):
            renewed = await self._tokens.renewed(call.account, token, urgent=call.urgent)
        if renewed is not None:
            secrets.add(renewed)
            written.append(await write(self._with_token(call.request, renewed)))
            if call.token_status(written[-1]) is TokenStatus.REFUSED:
                self._tokens.useless(call.account)

    def _with_token(self, request: Request, token: str) -> Request:
        return request.with_header(self._auth.header, f"{self._auth.prefix} {token}".lstrip())

    def _not_sent(self, request: Request, error: TokenError) -> Transfer:
        """The failed request for a token, else the request that was never written."""
        sent = error.transfer or Transfer(request.line, self._clock.now())
        why = f"{error.failure}: {sent.failure}" if sent.failure else error.failure
        return msgspec.structs.replace(
            sent,
            began=False,
            status=None,
            body=b"",
            failure=why,
            temporary=error.temporary,
            retry_after=error.retry_after,
        )
