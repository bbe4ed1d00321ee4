"""The one way to an OEM's sockets: no redirect, nothing written twice, answers cut, every end of a request a value."""

import asyncio
import ssl

import aiohttp
import msgspec
from aiohttp import ClientResponse, ClientSession, ClientTimeout, DummyCookieJar, TCPConnector
from yarl import URL

from keyturn import __version__
from keyturn.clock import Clock
from keyturn.connectors.oem_http.bodies import BodyError, BodyTooLarge, plain
from keyturn.connectors.oem_http.definition import Definition
from keyturn.connectors.oem_http.document import DefinitionError
from keyturn.connectors.oem_http.gate import Gate, OncePayload
from keyturn.connectors.oem_http.readings import retry_after
from keyturn.connectors.oem_http.requests import Request

LARGEST_ANSWER = 64 * 1024
"""Bytes; a larger answer is no answer."""

_HEADERS = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": f"keyturn/{__version__}"}


class Transfer(msgspec.Struct, frozen=True):
    """How one request ended: with a whole answer, or with what went wrong."""

    request: str
    """Method, path and query."""
    at: int
    duration_ms: float = 0.0
    began: bool = False
    """The first byte may have left."""
    status: int | None = None
    """None: no whole answer came."""
    body: bytes = b""
    headers: dict[str, str] = {}
    """By their lower-case names; the first of each."""
    url: URL | None = None
    """The request's."""
    retry_after: float | None = None
    fault: str = ""
    temporary: bool = True
    """Of one that did not begin: trying again may help."""


class OversizedError(Exception):
    """The answer is larger than `LARGEST_ANSWER`."""


_NETWORK = (aiohttp.ClientError, OSError)
_FAILURES = (*_NETWORK, ValueError, OversizedError)
_FAULTS: tuple[tuple[type[Exception], str], ...] = (
    (aiohttp.ClientConnectorDNSError, "the OEM's name was not resolved"),
    (aiohttp.ClientConnectorCertificateError, "the OEM's certificate is not trusted"),
    (aiohttp.ClientConnectorSSLError, "the TLS handshake failed"),
    (aiohttp.ClientConnectorError, "no connection to the OEM"),
    (aiohttp.ClientPayloadError, "the answer was cut short"),
    (aiohttp.ClientResponseError, "the answer is not HTTP"),
    (OversizedError, "the answer is larger than 64 KiB"),
    (TimeoutError, "no whole answer in time"),
    (aiohttp.ClientConnectionError, "the connection was lost"),
    (OSError, "the connection was lost"),
    (Exception, "the request cannot be written"),
)


class Wire:
    """The HTTP sessions of one connector. Commands have connections of their own: they never wait behind questions."""

    def __init__(self, definition: Definition, clock: Clock) -> None:
        self._clock = clock
        self._definition = definition
        self._ssl = _ssl_context(definition)
        self._commands: ClientSession | None = None
        self._questions: ClientSession | None = None

    async def command(self, request: Request, gate: Gate) -> Transfer:
        """Write once, or not at all; the whole answer may take the definition's `timeout` from the first byte."""
        self._commands = session = self._commands or self._session(limit=0)
        started = self._clock.monotonic()
        transfer = Transfer(request.line, self._clock.now(), url=request.url)
        try:
            async with asyncio.timeout(gate.send_by.left()) as limit:
                payload = OncePayload(request.body or b"", gate, limit, self._definition.timeout)
                transfer = await self._answered(transfer, session, request, payload)
        except _FAILURES as error:
            fault = gate.reason or (_fault(error) if gate.passed else _fault_before(error))
            transfer = _changed(transfer, fault=fault, temporary=isinstance(error, _NETWORK))
        finally:
            gate.shut("the request is over")
        return _changed(transfer, began=gate.passed, duration_ms=self._since(started))

    async def question(self, request: Request, within: float) -> Transfer:
        """A request that moves no vehicle; the whole of it may take `within` seconds."""
        self._questions = session = self._questions or self._session(self._definition.connections)
        started = self._clock.monotonic()
        transfer = Transfer(request.line, self._clock.now(), url=request.url)
        try:
            async with asyncio.timeout(within):
                transfer = await self._answered(transfer, session, request, request.body)
        except _FAILURES as error:
            transfer = _changed(transfer, fault=_fault(error))
        return _changed(transfer, duration_ms=self._since(started))

    async def close(self) -> None:
        for session in (self._commands, self._questions):
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
            packed = await _cut(response)
        headers = {name.lower(): value for name, value in reversed(list(response.headers.items()))}
        body, fault = _plain(packed, headers)
        pause = retry_after(headers.get("retry-after"), self._clock.now())
        return _changed(transfer, status=response.status, body=body, headers=headers, retry_after=pause, fault=fault)

    def _since(self, started: float) -> float:
        return round((self._clock.monotonic() - started) * 1000, 3)


async def _cut(response: ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > LARGEST_ANSWER:
            response.close()
            raise OversizedError
    return bytes(body)


def _plain(packed: bytes, headers: dict[str, str]) -> tuple[bytes, str]:
    """The body as plain UTF-8, or as it came and why it is not."""
    coding, kind = headers.get("content-encoding", ""), headers.get("content-type", "")
    try:
        return plain(packed, encoding=coding, content_type=kind, largest=LARGEST_ANSWER), ""
    except BodyTooLarge:
        raise OversizedError from None
    except BodyError as error:
        return packed, str(error)


def _changed(transfer: Transfer, **changes: object) -> Transfer:
    return msgspec.structs.replace(transfer, **changes)


def _fault(error: Exception) -> str:
    return next(text for kind, text in _FAULTS if isinstance(error, kind))


def _fault_before(error: Exception) -> str:
    return "no connection to the OEM in time" if isinstance(error, TimeoutError) else _fault(error)


def _ssl_context(definition: Definition) -> ssl.SSLContext | bool:
    """True: aiohttp's own, which verifies just the same."""
    certificate, key = definition.client_certificate, definition.client_key
    if key and not certificate:
        raise DefinitionError("client_key: goes with client_certificate")
    if not certificate and definition.base_url and definition.base_url.scheme == "http":
        return True
    context = ssl.create_default_context()
    if certificate:
        try:
            context.load_cert_chain(certificate, key)
        except (OSError, ValueError):
            raise DefinitionError("client_certificate: expected PEM files of a certificate and its key") from None
    return context
