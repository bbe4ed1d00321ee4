"""HTTP client of one application; logs every request with its answer."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from keyturn_client.signing import signature
from verification.crash.processes import wall_clock
from verification.crash.scenario import Application
from verification.results import Read

_LOST = (aiohttp.ClientError, ConnectionError, TimeoutError)
"""The answer is lost: whether the request was registered is unknown."""
_ANSWERED_WITHIN = aiohttp.ClientTimeout(total=15.0)


@dataclass(frozen=True)
class PostResult:
    """A request, and what became of it. Instants in microseconds."""

    application: Application
    vin: str
    command: str
    code: str | None
    key: str | None
    asked_at: int
    answered_at: int
    status: int | None
    """The HTTP code; None: the answer was lost."""
    body: Mapping[str, Any]

    @property
    def id(self) -> str | None:
        return self.body.get("id")

    @property
    def final(self) -> bool:
        """The request needs no repeating."""
        return self.status not in (None, 503)


@dataclass
class RequestLog:
    """All requests of all clients, with their answers."""

    posts: list[PostResult] = field(default_factory=list)
    gets: list[Read] = field(default_factory=list)
    open: int = 0
    """Requests that wait for their answer now."""
    answered: asyncio.Event = field(default_factory=asyncio.Event)
    """Set by every answer."""


class ApiClient:
    """Signs and sends the requests of one application."""

    def __init__(
        self, application: Application, url: str, http: aiohttp.ClientSession, request_log: RequestLog
    ) -> None:
        self.application = application
        self._url = url
        self._http = http
        self._log = request_log
        self._token = ""

    async def log_in(self) -> None:
        """A token, which outlives the servers. Raises what aiohttp raises."""
        form = {"client_id": self.application.client_id, "client_secret": self.application.client_secret}
        async with self._http.post(f"{self._url}/token", data=form, raise_for_status=True) as response:
            self._token = (await response.json())["token"]

    async def post(self, vin: str, command: str, code: str | None = None, key: str | None = None) -> PostResult:
        """One request, never repeated."""
        headers = {"X-Signature": signature(self.application.sign_secret, vin, command)}
        headers |= {} if key is None else {"Idempotency-Key": key}
        body = {"vin": vin, "command": command} | ({} if code is None else {"code": code})
        asked_at = wall_clock()
        status, answer = await self._request("POST", "", headers, json.dumps(body))
        post = PostResult(self.application, vin, command, code, key, asked_at, wall_clock(), status, answer)
        self._log.posts.append(post)
        return post

    async def get(self, command_id: str, wait: int = 0) -> Read | None:
        """The record; None: the answer was lost."""
        who, asked_at = self.application, wall_clock()
        status, answer = await self._request("GET", f"/{command_id}" + (f"?wait={wait}" if wait else ""), {})
        if status is None:
            return None
        get = Read(who.id, who.company, command_id, asked_at, wall_clock(), status, answer)
        self._log.gets.append(get)
        return get

    async def _request(
        self, method: str, path: str, headers: dict[str, str], data: str | None = None
    ) -> tuple[int | None, dict[str, Any]]:
        url, sent = f"{self._url}/vehicle-command{path}", {"Authorization": f"Bearer {self._token}", **headers}
        self._log.open += 1
        try:
            async with self._http.request(method, url, data=data, headers=sent, timeout=_ANSWERED_WITHIN) as response:
                status, answer = response.status, await response.json(content_type=None)
        except _LOST:
            return None, {}
        finally:
            self._log.open -= 1
        self._log.answered.set()
        return status, answer if isinstance(answer, dict) else {}
