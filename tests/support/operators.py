"""Operators of a running server, who sign in as people do: a password, and a code that is good once."""

import base64
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from keyturn.auth.principal import Credentials
from keyturn.auth.totp import code_at, step_at
from keyturn.errors import OperationError
from tests.support.server_env import ServerEnv

PASSWORD = "a long enough phrase"
NOTICE, LIFE, WEEK = 600.0, 900.0, 7 * 86_400.0
"""Seconds: until what loosens takes effect, in which an approval must come, and for which closeness counts."""


class Staff:
    """Operators by name. Every further sign-in with a second factor advances the clock by half a minute."""

    def __init__(self, server: ServerEnv) -> None:
        self._server = server
        self._secrets: dict[str, bytes] = {}
        self._newest: dict[str, int] = {}

    async def hire(self, name: str, role: str = "approver", company: str | None = "first") -> None:
        """With a second factor. Admins come last: from the first of them on, what loosens waits."""
        order = {"name": name, "email": f"{name}@example.com", "role": role, "password": PASSWORD}
        await self._server.node.administer("operator add", order | ({"company": company} if company else {}))
        await self.enrol(name)

    async def raised_by(self, name: str, by: str, role: str = "admin") -> None:
        """To another role, on the word of the one admin who is there."""
        await self.do(by, "operator set", person=name, role=role)
        await self.notice_passes()

    async def joined_by(self, name: str, by: str, role: str = "admin", company: str | None = "first") -> None:
        """On the word of the one admin who is there, with a password of the newcomer's own."""
        order = {"name": name, "email": f"{name}@example.com", "role": role}
        change = await self.do(by, "operator add", **order, **({"company": company} if company else {}))
        await self.notice_passes()
        result = await self.do(by, "change collect", change=change["change"])
        accepted = {"person": name, "code": result["code"], "password": PASSWORD}
        await self._server.node.administer("operator accept", accepted)
        await self.enrol(name)

    async def enrol(self, name: str) -> None:
        result = await self._server.node.administer("operator enrol-totp", {}, Credentials(name, PASSWORD))
        self._secrets[name] = base64.b32decode(parse_qs(urlsplit(result["otpauth"]).query)["secret"][0])

    def credentials(self, name: str) -> Credentials:
        now = step_at(self._server.clock.now())
        step = max(now, self._newest.get(name, 0) + 1)  # good for half a minute yet, however slow the machine is
        if step > now + 1:
            self._server.advance(30.0)
        self._newest[name] = step
        return Credentials(name, PASSWORD, code_at(self._secrets[name], step))

    async def do(self, by: str, operation: str, **arguments: Any) -> dict[str, Any]:
        return await self._server.node.administer(operation, arguments, self.credentials(by))

    async def refused(self, by: str | None, operation: str, *, factor: bool = True, **arguments: Any) -> str:
        """The code of the refusal; `by` None: from the shell, without signing in."""
        signing_in = None
        if by is not None:
            signing_in = self.credentials(by) if factor else Credentials(by, PASSWORD)
        with pytest.raises(OperationError) as refusal:
            await self._server.node.administer(operation, arguments, signing_in)
        return refusal.value.code

    async def notice_passes(self) -> None:
        """The notice passes: changes that relax a safeguard and were not withdrawn take effect."""
        self._server.advance(NOTICE + 1)
        await self._server.node.administration.apply_due_changes()
