"""The webhook channel: sends messages as signed HTTP POSTs (Standard Webhooks, https://www.standardwebhooks.com)."""

import asyncio
import base64
import hmac
import ssl
from hashlib import sha256

import aiohttp
import msgspec
from aiohttp import ClientSession, ClientTimeout, DummyCookieJar, TCPConnector
from yarl import URL

from keyturn import __version__
from keyturn.alerts.addresses import PinnedResolver, resolve_allowed
from keyturn.alerts.message import NotDelivered, QueuedMessage
from keyturn.clock import SECOND, Clock
from keyturn.config.settings import WebhookSettings

_FAULTS: tuple[tuple[type[Exception], str], ...] = (
    (aiohttp.ClientConnectorCertificateError, "the receiver's certificate is not trusted"),
    (aiohttp.ClientConnectorSSLError, "the TLS handshake failed"),
    (aiohttp.ClientConnectorError, "no connection to the receiver"),
    (TimeoutError, "no answer in time"),
    (Exception, "the connection was lost"),
)


def signature(key: bytes, message_id: str, timestamp: int, body: bytes) -> str:
    """``v1,`` and base64 of HMAC-SHA256 over ``id.timestamp.body``; `timestamp` is in seconds since the Unix epoch."""
    signed = b".".join([message_id.encode(), str(timestamp).encode(), body])
    return f"v1,{base64.b64encode(hmac.digest(key, signed, sha256)).decode()}"


class WebhookChannel:
    """POSTs every message to one URL. A 2xx status is a delivery; redirects are not followed."""

    name = "webhook"

    def __init__(self, settings: WebhookSettings, key: bytes, clock: Clock) -> None:
        self._settings = settings
        self._key = key
        self._clock = clock
        self._ssl = ssl.create_default_context()

    async def send(self, queued: QueuedMessage) -> None:
        body = msgspec.json.encode(queued.message)
        try:
            async with asyncio.timeout(self._settings.timeout):
                status = await self._post(body, self._headers(queued.message.id, body))
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise NotDelivered(next(text for kind, text in _FAULTS if isinstance(error, kind))) from None
        if not 200 <= status < 300:
            raise NotDelivered(f"the receiver answered {status}")

    def _headers(self, message_id: str, body: bytes) -> dict[str, str]:
        timestamp = self._clock.now() // SECOND
        return {
            "Content-Type": "application/json",
            "User-Agent": f"keyturn/{__version__}",
            "webhook-id": message_id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": signature(self._key, message_id, timestamp, body),
        }

    async def _post(self, body: bytes, headers: dict[str, str]) -> int:
        url = URL(self._settings.url)  # parsed as aiohttp parses it: another parser might find another host
        addresses = await resolve_allowed(
            url.host or "",
            url.port or 0,
            allow_private=self._settings.allow_private,
            loopback_only=url.scheme == "http",
        )
        connector = TCPConnector(
            ssl=self._ssl, resolver=PinnedResolver(addresses), use_dns_cache=False, force_close=True
        )
        async with (
            ClientSession(
                connector=connector, cookie_jar=DummyCookieJar(), timeout=ClientTimeout(total=None)
            ) as session,
            session.post(url, data=body, headers=headers, allow_redirects=False) as response,
        ):
            return response.status
