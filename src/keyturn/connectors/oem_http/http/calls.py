"""A request with the account's token: once more with another token where this one is refused, and a record of both."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import NamedTuple

import msgspec

from keyturn.clock import Clock
from keyturn.connectors.deadline import Deadline
from keyturn.connectors.oem_http.definition.auth import Auth, TokenStanding
from keyturn.connectors.oem_http.http.client import Transfer, Wire
from keyturn.connectors.oem_http.http.exchanges import exchange, secrets_of
from keyturn.connectors.oem_http.http.requests import Request
from keyturn.connectors.oem_http.http.write_once import WriteOnceGuard
from keyturn.connectors.oem_http.tokens.tokens import TokenError, Tokens
from keyturn.connectors.port import Account, LoggedRequest

Write = Callable[[Request], Awaitable[Transfer]]
Judge = Callable[[Transfer], TokenStanding]
"""What an answer says of the token."""


class Called(NamedTuple):
    """How a request ended, and its record."""

    transfer: Transfer
    exchange: LoggedRequest
    earlier: tuple[LoggedRequest, ...] = ()
    """What was written before with a token that was refused."""


class Asked(NamedTuple):
    """One request, and what is done with its answer."""

    account: Account
    request: Request
    end: Deadline
    """Everything, the token included, is written before it."""
    judge: Judge
    urgent: bool = False
    """It undoes something and does not wait long for a token endpoint that fails."""


class Calls:
    """The connector's requests. They never raise for what the OEM or the network did."""

    def __init__(self, auth: Auth, tokens: Tokens, wire: Wire, clock: Clock) -> None:
        self._auth = auth
        self._tokens = tokens
        self._wire = wire
        self._clock = clock

    async def command(self, asked: Asked) -> Called:
        """Every writing has a gate of its own: one whose token is refused was not taken, so that another may follow."""
        return await self._called(asked, lambda signed: self._wire.command(signed, WriteOnceGuard(asked.end)))

    async def question(self, asked: Asked) -> Called:
        """All of it, the answer included, until `end`."""
        return await self._called(asked, lambda signed: self._wire.question(signed, asked.end.left()))

    async def _called(self, asked: Asked, write: Write) -> Called:
        secrets, written = secrets_of(self._auth, asked.account), list[Transfer]()
        try:
            await self._authorised(asked, write, secrets, written)
        except TokenError as error:
            secrets |= error.secrets
            written.append(self._unsent(asked.request, error))
        except TimeoutError:
            written.append(self._unsent(asked.request, TokenError("no token in time", temporary=True)))
        *earlier, last = written
        return Called(last, exchange(last, secrets), tuple(exchange(each, secrets) for each in earlier))

    async def _authorised(self, asked: Asked, write: Write, secrets: set[str], written: list[Transfer]) -> None:
        """`written` gets every transfer, `secrets` every token."""
        async with asyncio.timeout(asked.end.left()):
            token = await self._tokens.current(asked.account, urgent=asked.urgent)
        secrets.add(token)
        written.append(await write(self._signed(asked.request, token)))
        standing = asked.judge(written[-1])
        if standing is TokenStanding.DOUBTFUL:
            self._tokens.discard(asked.account, token)
        if standing is not TokenStanding.REFUSED:
            return
        async with asyncio.timeout(asked.end.left()):
            renewed = await self._tokens.renewed(asked.account, token, urgent=asked.urgent)
        if renewed is not None:
            secrets.add(renewed)
            written.append(await write(self._signed(asked.request, renewed)))
            if asked.judge(written[-1]) is TokenStanding.REFUSED:
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
