"""Builds HTTP requests from a definition's tables. Pure."""

from typing import Any
from urllib.parse import urljoin

import msgspec
from yarl import URL

from keyturn.connectors.oem_http.definition.definition import Definition
from keyturn.connectors.oem_http.definition.queries import PlaceholderError, Values
from keyturn.connectors.oem_http.definition.sections import Asking, Call, Cancel, LookUp, Sending, State
from keyturn.connectors.oem_http.definition.templates import Template, merge_headers
from keyturn.connectors.port import OutboundCommand
from keyturn.connectors.responses import Operation

LONGEST_URL = 2048

Query = Asking | LookUp | Cancel | State


class UrlError(Exception):
    """A URL that the OEM gave may not be used; the message says why."""


class Request(msgspec.Struct, frozen=True):
    """One HTTP request, without its token."""

    method: str
    url: URL
    headers: dict[str, str] = {}
    body: bytes | None = None

    @property
    def line(self) -> str:
        """Method, path and query, for the log."""
        return f"{self.method} {self.url.raw_path_qs}"

    def with_header(self, name: str, value: str) -> "Request":
        return msgspec.structs.replace(self, headers=merge_headers(self.headers, {name: value}))


class Requests:
    """Builds the requests of one definition."""

    def __init__(self, definition: Definition, base_url: URL) -> None:
        self._definition = definition
        self._sendings = {name: definition.call_for(name) for name in definition.commands}
        self._base_url = base_url
        self._base = str(base_url).rstrip("/")
        self._origins = frozenset(url.origin() for url in (base_url, *definition.trusted_origins))

    def send(self, command: OutboundCommand, values: Values) -> Request:
        """Raises `PlaceholderError` when a value is missing."""
        call = self._sendings[command.name]
        request = self._request(call, values)
        header = call.idempotency_header
        return request.with_header(header, command.command_id) if header else request

    def status(self, operation: Operation, values: Values) -> Request | None:
        """To the operation's own URL where it may be used, else by [status]; None where neither is possible."""
        return self._request_if_possible(self._definition.status, values, self.usable_url(operation.url))

    def lookup(self, values: Values) -> Request | None:
        return self._request_if_possible(self._definition.look_up, values)

    def cancel(self, operation: Operation, values: Values) -> Request | None:
        call = self._definition.cancel
        url = None if call is None or call.path else self.usable_url(operation.url)
        return self._request_if_possible(call, values, url)

    def state(self, values: Values) -> Request | None:
        return self._request_if_possible(self._definition.state, values)

    def token(self, url: Template, values: Values, body: bytes, headers: dict[str, str]) -> Request:
        """Raises `PlaceholderError` when a value is missing."""
        address = self.below_base(url.in_url(values)) if url.text.startswith("/") else URL(url.text)
        return Request("POST", address, headers, body)

    def usable_url(self, raw: Any, request: URL | None = None) -> URL | None:
        """As `resolved`; None where the URL may not be used."""
        try:
            return self.resolved(raw, request)
        except UrlError:
            return None

    def resolved(self, raw: Any, request: URL | None = None) -> URL:
        """An OEM's own URL, made absolute from the request's (RFC 3986, 5.2). Raises `UrlError`.

        Its origin must be the connector's or a trusted one, because our token goes there; with `accepted.own_origin`
        only its path and query are used, at the connector's origin.
        """
        if not isinstance(raw, str) or not 0 < len(raw) <= LONGEST_URL:
            raise UrlError(f"it is no text of 1 to {LONGEST_URL} characters")
        try:
            url = URL(urljoin(str(request or self._base_url), str(URL(raw))), encoded=True).with_fragment(None)
            origin = url.origin()
        except ValueError:
            raise UrlError("it is not an http or https URL") from None
        if url.scheme not in ("http", "https"):
            raise UrlError("it is not an http or https URL")
        if self._definition.accepted.own_origin:
            return URL(f"{self._base_url.origin()}{url.raw_path_qs}", encoded=True)
        if url.user or url.password:
            raise UrlError("it holds a user or password")
        if origin not in self._origins:
            raise UrlError(f"{origin} is neither the connector's origin, {self._base_url.origin()}, nor a trusted one")
        return url

    def below_base(self, path: str) -> URL:
        return URL(self._base + path, encoded=True)

    def _request_if_possible(self, call: Query | None, values: Values, url: URL | None = None) -> Request | None:
        try:
            return self._request(call, values, url) if call else None
        except PlaceholderError:
            return None

    def _request(self, call: Sending | Query, values: Values, url: URL | None = None) -> Request:
        headers = {name: template.plain(values) for name, template in call.headers.items()}
        if call.body is None:
            return Request(call.method, url or self._address(call, values), headers)
        typed = merge_headers({"Content-Type": "application/json"}, headers)
        return Request(call.method, url or self._address(call, values), typed, call.body.filled(values))

    def _address(self, call: Call, values: Values) -> URL:
        if call.path is None:
            raise PlaceholderError("no usable URL, and no path to make one from")
        return self.below_base(call.path.in_url(values))
