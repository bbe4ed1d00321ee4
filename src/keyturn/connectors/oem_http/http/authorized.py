"""A request with the account's token: once more with another token where this one is refused, and a record of both."""

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
"""What an answer says of the token."""


class CallResult(NamedTuple):
    """How a request ended, and its record."""

    transfer: Transfer
    exchange: LoggedRequest
    earlier: tuple[LoggedRequest, ...] = ()
    """What was written before with a token that was refused."""


class AuthorizedRequest(NamedTuple):
    """One request, and what is done with its answer."""

    account: Account
    request: Request
    end: Deadline
    """Everything, the token included, is written before it."""
    judge: TokenCheck
    urgent: bool = False
    """It undoes something and does not wait long for a token endpoint that fails."""


class AuthorizedClient:
    """The connector's requests. They never raise for what the OEM or the network did."""

    def __init__(self, auth: Auth, tokens: TokenSource, wire: HttpClient, clock: Clock) -> None:
        self._auth = auth
        self._tokens = tokens
        self._wire = wire
        self._clock = clock

    async def command(self, asked: AuthorizedRequest) -> CallResult:
        """Every writing has a gate of its own: one whose token is refused was not taken, so that another may follow."""
        return await self._called(asked, lambda signed: self._wire.command(signed, WriteOnceGuard(asked.end)))

    async def question(self, asked: AuthorizedRequest) -> CallResult:
        """All of it, the answer included, until `end`."""
        return await self._called(asked, lambda signed: self._wire.question(signed, asked.end.left()))

    async def _called(self, asked: AuthorizedRequest, write: Write) -> CallResult:
        secrets, written = secrets_of(self._auth, asked.account), list[Transfer]()
        try:
            await self._authorised(asked, write, secrets, written)
        except TokenError as error:
            secrets |= error.secrets
            written.append(self._unsent(asked.request, error))
        except TimeoutError:
            written.append(self._unsent(asked.request, TokenError("no token in time", temporary=True)))
        *earlier, last = written
        return CallResult(last, logged_request(last, secrets), tuple(logged_request(each, secrets) for each in earlier))

    async def _authorised(
        self, asked: AuthorizedRequest, write: Write, secrets: set[str], written: list[Transfer]
    ) -> None:
        """`written` gets every transfer, `secrets` every token."""
        async with asyncio.timeout(asked.end.left()):
            token = await self._tokens.current(asked.account, urgent=asked.urgent)
        secrets.add(token)
        written.append(await write(self._signed(asked.request, token)))
        standing = asked.judge(written[-1])
        if standing is TokenStatus.DOUBTFUL:
            self._tokens.discard(asked.account, token)
        if standing is not TokenStatus.REFUSED:
            return
        async with asyncio.timeout(asked.end.left()):
            renewed = await self._tokens.renewed(asked.account, token, urgent=asked.urgent)
        if renewed is not None:
            secrets.add(renewed)
            written.append(await write(self._signed(asked.request, renewed)))
            if asked.judge(written[-1]) is TokenStatus.REFUSED:
                self._tokens.useless(asked.account)

    def _signed(self, request: Request, token: str) -> Request:
        return request.with_header(self._auth.header, f"{self._auth.prefix} {token}".lstrip())

    def _unsent(self, request: Request, error: TokenError) -> Transfer:
        """The failed request for a token, else the request that was never written."""
        asked = error.transfer or Transfer(request.line, self._clock.now())
        why = f"{error.fault}: {asked.fault}" if asked.fault else error.fault
        return msgspec.structs.replace(
            asked,
            began=False,
            status=None,
            body=b"",
            fault=why,
            temporary=error.temporary,
            retry_after=error.retry_after,
        )
