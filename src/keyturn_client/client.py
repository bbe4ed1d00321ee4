"""HTTP client of one application of one company, its token, and its errors."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Literal
from urllib.parse import quote

import httpx2

from keyturn_client.signing import MessageSignature, signature


@dataclass(frozen=True)
class Token:
    """A bearer token. Times are seconds since the Unix epoch, `lifetime` is seconds."""

    value: str = field(repr=False)
    issued_at: float
    lifetime: float

    def is_fresh(self, now: float) -> bool:
        """Whether more than half of its lifetime is left, so that a command can be followed to its end with it."""
        return 0 <= now - self.issued_at < self.lifetime / 2


class KeyturnError(Exception):
    """Keyturn answered with an error.

    `detail` is its text, `record` the command's record where one was registered (it has an ``id``), else None.
    """

    def __init__(self, http_status: int, detail: str, record: dict[str, Any] | None = None) -> None:
        super().__init__(f"{detail} (HTTP {http_status})")
        self.http_status = http_status
        self.detail = detail
        self.record = record


class Unreachable(Exception):
    """No answer arrived; after a POST it is unknown whether the command was registered."""


FINAL = frozenset({"Success", "Error"})
"""Statuses after which nothing more is expected."""
MAX_WAIT = 30
"""Longest `wait` of `KeyturnClient.status`, seconds."""

_NEVER_PROXIED = {f"all://{host}": None for host in ("127.0.0.1", "localhost", "[::1]")}
"""Requests to this machine ignore the proxies of the environment."""

Record = dict[str, Any]
"""A command as the API shows it: ``id``, ``vin``, ``command``, ``status`` and what belongs to the status."""


class KeyturnClient:
    """Signs and sends commands. Use it in a ``with``, or call `close`; one thread at a time.

    Every method raises `KeyturnError` when Keyturn refuses and `Unreachable` when no answer comes. Nothing is ever
    sent twice, except after a 401, which registers nothing.
    """

    def __init__(
        self,
        url: str,
        client_id: str,
        client_secret: str,
        sign_secret: str,
        *,
        timeout: float = 60.0,
        token: Token | None = None,
        signing: Literal["v1", "v2"] = "v1",
    ) -> None:
        """`timeout` is the seconds that an answer may take; `token` is one from an earlier client, if there is one.

        `signing` "v2" makes signatures that are good once, for a minute.
        """
        self._url = url.rstrip("/")
        self._credentials = {"client_id": client_id, "client_secret": client_secret}
        self._sign_secret = sign_secret
        self._timeout = timeout
        self._token = token
        self._message_signature = MessageSignature(client_id, sign_secret) if signing == "v2" else None
        self._http = httpx2.Client(mounts=_NEVER_PROXIED)

    def token(self) -> Token:
        """A token with more than half of its lifetime left."""
        if self._token is None or not self._token.is_fresh(time.time()):
            issued_at = time.time()
            answer = _body(self._request("POST", "/token", data=self._credentials))
            self._token = Token(answer["token"], issued_at, answer["expiration"])
        return self._token

    def sign(self, vin: str, command: str) -> str:
        """The `X-Signature` of a command: signing, version 1."""
        return signature(self._sign_secret, vin, command)

    def send(
        self,
        vin: str,
        command: str,
        code: str | None = None,
        idempotency_key: str | None = None,
        *,
        reason: str | None = None,
        case: str | None = None,
    ) -> Record:
        """Register a command. A record with status ``Confirmation`` holds the `code` to send it again with.

        `reason` and `case` are kept with the command, in any language; give them with the code too.
        """
        headers = {} if self._message_signature else {"X-Signature": self.sign(vin, command)}
        if idempotency_key is not None:
            headers["Idempotency-Key"] = idempotency_key
        for name, value in (("X-Reason", reason), ("X-Case", case)):
            if value is not None:
                headers[name] = quote(value)
        body = {"vin": vin, "command": command} | ({} if code is None else {"code": code})
        return _body(
            self._authorized("POST", "/vehicle-command", headers=headers, json=body, auth=self._message_signature)
        )

    def status(self, command_id: str, wait: int = 0) -> Record:
        """The command's record; held for up to `wait` seconds (0 to 30) until its status is final."""
        path, params = f"/vehicle-command/{quote(command_id, safe='')}", {"wait": wait} if wait else None
        return _body(self._authorized("GET", path, params=params, timeout=self._timeout + wait))

    def follow(self, command_id: str, wait: int = MAX_WAIT) -> Iterator[Record]:
        """The record now and after each change, up to the one whose status is final.

        Each question is held for up to `wait` seconds (1 to 30).
        """
        record = self.status(command_id)
        yield record
        while record["status"] not in FINAL:
            before, record = record, self.status(command_id, wait)
            if record != before:
                yield record

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> "KeyturnClient":
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close()

    def _authorized(
        self, method: str, path: str, headers: dict[str, str] | None = None, **rest: Any
    ) -> httpx2.Response:
        had_token = self._token is not None
        response = self._request(method, path, headers=self._with_bearer(headers), **rest)
        if response.status_code == 401 and had_token:
            self._token = None
            response = self._request(method, path, headers=self._with_bearer(headers), **rest)
        return response

    def _with_bearer(self, headers: dict[str, str] | None) -> dict[str, str]:
        return {**(headers or {}), "Authorization": f"Bearer {self.token().value}"}

    def _request(self, method: str, path: str, *, timeout: float | None = None, **rest: Any) -> httpx2.Response:
        try:
            return self._http.request(method, self._url + path, timeout=timeout or self._timeout, **rest)
        except (httpx2.TransportError, httpx2.InvalidURL) as error:
            raise Unreachable(f"No answer from {self._url}: {str(error) or type(error).__name__}.") from error


def _body(response: httpx2.Response) -> Record:
    """The answer's JSON object. Raises `KeyturnError` for an error, and for a body that is not Keyturn's."""
    try:
        body = response.json()
    except ValueError:
        body = None
    match body:
        case {"detail": str(detail)} if response.is_error:
            raise KeyturnError(response.status_code, detail, body if "id" in body else None)
        case dict() if response.is_success:
            return body
    raise KeyturnError(response.status_code, f"{response.url.host} did not answer like Keyturn.")
