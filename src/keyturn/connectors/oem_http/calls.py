"""A request with the account's token: once more with another token after a 401, and a record of it for the timeline."""

import asyncio
from collections.abc import Awaitable, Callable
from http import HTTPStatus

import msgspec

from keyturn.clock import Clock
from keyturn.connectors.oem_http.exchanges import exchange
from keyturn.connectors.oem_http.gate import Deadline, Gate
from keyturn.connectors.oem_http.requests import Request
from keyturn.connectors.oem_http.sections import Auth
from keyturn.connectors.oem_http.tokens import TokenError, Tokens
from keyturn.connectors.oem_http.wire import Transfer, Wire
from keyturn.connectors.port import Account, Exchange

Write = Callable[[Request], Awaitable[Transfer]]
Called = tuple[Transfer, Exchange]


class Calls:
    """The connector's requests. They never raise for what the OEM or the network did."""

    def __init__(self, auth: Auth, tokens: Tokens, wire: Wire, clock: Clock) -> None:
        self._auth = auth
        self._tokens = tokens
        self._wire = wire
        self._clock = clock

    async def command(self, account: Account, request: Request, send_by: Deadline) -> Called:
        """Every writing has a gate of its own: a 401 was not taken, so that another may follow it."""
        return await self._called(account, request, send_by, lambda signed: self._wire.command(signed, Gate(send_by)))

    async def question(self, account: Account, request: Request, end: Deadline) -> Called:
        """All of it, the token included, until `end`."""
        return await self._called(account, request, end, lambda signed: self._wire.question(signed, end.left()))

    async def _called(self, account: Account, request: Request, end: Deadline, write: Write) -> Called:
        secrets = set(account.credentials.values())
        try:
            transfer = await self._authorised(account, request, end, write, secrets)
        except TokenError as error:
            transfer = self._unsent(request, error)
        except TimeoutError:
            transfer = self._unsent(request, TokenError("no token in time", temporary=True))
        return transfer, exchange(transfer, secrets)

    async def _authorised(
        self, account: Account, request: Request, end: Deadline, write: Write, secrets: set[str]
    ) -> Transfer:
        async with asyncio.timeout(end.left()):
            token = await self._tokens.current(account)
        secrets.add(token)
        transfer = await write(self._signed(request, token))
        if transfer.status != HTTPStatus.UNAUTHORIZED:
            return transfer
        async with asyncio.timeout(end.left()):
            renewed = await self._tokens.renewed(account, token)
        if renewed is None:
            return transfer
        secrets.add(renewed)
        return await write(self._signed(request, renewed))

    def _signed(self, request: Request, token: str) -> Request:
        return request.with_header(self._auth.header, f"{self._auth.prefix} {token}".lstrip())

    def _unsent(self, request: Request, error: TokenError) -> Transfer:
        """The failed request for a token, else the request that was never written."""
        asked = error.transfer or Transfer(request.line, self._clock.now())
        return msgspec.structs.replace(
            asked, began=False, status=None, body=b"", fault=error.fault, temporary=error.temporary
        )
