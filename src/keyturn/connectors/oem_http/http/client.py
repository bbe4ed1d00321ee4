"""HTTP client of one connector: no redirects, nothing written twice, bounded responses, and every failure a value."""

import asyncio

import msgspec
from aiohttp import ClientResponse, ClientSession, ClientTimeout, DummyCookieJar, TCPConnector
from yarl import URL

from keyturn import __version__
from keyturn.clock import Clock
from keyturn.connectors.oem_http.answers.conversion import retry_after
from keyturn.connectors.oem_http.definition.definition import Definition
from keyturn.connectors.oem_http.http.bodies import BodyError, BodyTooLarge, plain
from keyturn.connectors.oem_http.http.network_errors import (
    FAILURES,
    NETWORK,
    OversizedError,
    describe_connect_error,
    describe_error,
)
from keyturn.connectors.oem_http.http.requests import Request
from keyturn.connectors.oem_http.http.transport import DIRECT, Transport, tls_context
from keyturn.connectors.oem_http.http.write_once import OncePayload, WriteOnceGuard

_HEADERS = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": f"keyturn/{__version__}"}


class Received(msgspec.Struct):
    """What was received of a response so far."""

    status: int | None = None
    size: int | None = None
    """Bytes of its body."""


class Transfer(msgspec.Struct, frozen=True):
    """Result of one request: a whole response, or a failure."""

    request: str
    """Method, path and query."""
    at: int
    duration_ms: float = 0.0
    began: bool = False
    """Whether the first byte may have left."""
    status: int | None = None
    """None: no whole response was received."""
    received: Received = msgspec.field(default_factory=Received)
    """What was received, whole or not."""
    body: bytes = b""
    headers: dict[str, str] = {}
    """By their lower-case names; the first of each."""
    url: URL | None = None
    """The request's."""
    retry_after: float | None = None
    failure: str = ""
    """What went wrong, in Keyturn's words; empty: nothing."""
    temporary: bool = True
    """Where `began` is false: another try may succeed."""


class HttpClient:
    """HTTP sessions of one connector. Commands have their own connections, so that they never wait behind queries."""

    def __init__(self, definition: Definition, clock: Clock, transport: Transport = DIRECT) -> None:
        self._clock = clock
        self._definition = definition
        self._transport = transport
        self._ssl = tls_context(definition, transport)
        self._commands: ClientSession | None = None
        self._queries: ClientSession | None = None

    async def command(self, request: Request, guard: WriteOnceGuard) -> Transfer:
        """Write once, or not at all; the whole response may take the definition's `timeout` from the first byte."""
        self._commands = session = self._commands or self._session(limit=0)
        started = self._clock.monotonic()
        transfer = Transfer(request.line, self._clock.now(), received=Received(), url=request.url)
        try:
            async with asyncio.timeout(guard.send_by.left()) as limit:
                payload = OncePayload(request.body or b"", guard, limit, self._definition.timeout)
                transfer = await self._answered(transfer, session, request, payload)
        except FAILURES as error:
            why = guard.reason or (describe_error if guard.passed else describe_connect_error)(error, self._transport)
            transfer = _changed(transfer, failure=why, temporary=isinstance(error, NETWORK))
        finally:
            guard.forbid("the request is over")
        return _changed(transfer, began=guard.passed, duration_ms=self._since(started))

    async def query(self, request: Request, within: float) -> Transfer:
        """Send a query, which changes nothing in a vehicle; it may take `within` seconds in all."""
        self._queries = session = self._queries or self._session(self._definition.connections)
        started = self._clock.monotonic()
        transfer = Transfer(request.line, self._clock.now(), received=Received(), url=request.url)
        try:
            async with asyncio.timeout(within):
                transfer = await self._answered(transfer, session, request, request.body)
        except FAILURES as error:
            transfer = _changed(transfer, failure=describe_error(error, self._transport))
        return _changed(transfer, duration_ms=self._since(started))

    async def close(self) -> None:
        for session in (self._commands, self._queries):
            if session is not None:
                await session.close()

    def _session(self, limit: int) -> ClientSession:
        idle = self._definition.keep_alive
        reuse = {"keepalive_timeout": idle} if idle else {"force_close": True}
        return ClientSession(
            connector=TCPConnector(limit=limit, ssl=self._ssl, ttl_dns_cache=60, **reuse),
            headers=_HEADERS,
            cookie_jar=DummyCookieJar(),
            auto_decompress=False,
            timeout=ClientTimeout(total=None, sock_connect=None),
            proxy=self._transport.proxy,
            max_line_size=self._transport.header_bytes,
            max_field_size=self._transport.header_bytes,
            max_headers=self._transport.header_fields,
        )

    async def _answered(
        self, transfer: Transfer, session: ClientSession, request: Request, data: OncePayload | bytes | None
    ) -> Transfer:
        async with session.request(
            request.method,
            request.url,
            headers=request.headers,
            data=data,
            allow_redirects=False,
            skip_auto_headers=("Content-Type",),
        ) as response:
            transfer.received.status = response.status
            packed = await _read_body(response, transfer.received, self._transport.answer_bytes)
        headers = {name.lower(): value for name, value in reversed(list(response.headers.items()))}
        body, problem = _decode_body(packed, headers, self._transport.answer_bytes)
        pause = retry_after(headers.get("retry-after"), self._clock.now())
        return _changed(
            transfer, status=response.status, body=body, headers=headers, retry_after=pause, failure=problem
        )

    def _since(self, started: float) -> float:
        return round((self._clock.monotonic() - started) * 1000, 3)


async def _read_body(response: ClientResponse, received: Received, limit: int) -> bytes:
    """The body as received. Raises `OversizedError` for more than `limit` bytes."""
    body = bytearray()
    received.size = 0
    async for chunk in response.content.iter_any():
        body += chunk
        received.size = len(body)
        if len(body) > limit:
            response.close()
            raise OversizedError
    return bytes(body)


def _decode_body(packed: bytes, headers: dict[str, str], largest: int) -> tuple[bytes, str]:
    """The body as UTF-8; where it cannot be decoded, the body as received and why."""
    coding, kind = headers.get("content-encoding", ""), headers.get("content-type", "")
    try:
        return plain(packed, encoding=coding, content_type=kind, largest=largest), ""
    except BodyTooLarge:
        raise OversizedError from None
    except BodyError as error:
        return packed, str(error)


def _changed(transfer: Transfer, **changes: object) -> Transfer:
    return msgspec.structs.replace(transfer, **changes)
