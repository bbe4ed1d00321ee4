"""A company's application as its own client holds it, over HTTP alone."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

FINAL = ("Success", "Error")


def x_signature(secret: str, vin: str, command: str) -> str:
    """Version 1 of the signature, in hexadecimal digits, as the contract's own example computes it."""
    message = json.dumps({"vin": vin, "command": command}, separators=(",", ":"), sort_keys=True)
    return hmac.new(secret.encode(), message.encode(), hashlib.sha256).hexdigest()


@dataclass(frozen=True)
class Answer:
    """An HTTP answer."""

    code: int
    body: dict[str, Any]
    headers: Mapping[str, str]


@dataclass
class Application:
    """One company's application, as its own client would hold it."""

    url: str
    http: aiohttp.ClientSession
    client_id: str
    client_secret: str
    sign_secret: str
    token: str = ""

    async def log_in(self) -> None:
        form = {"client_id": self.client_id, "client_secret": self.client_secret}
        async with self.http.post(f"{self.url}/token", data=form) as response:
            self.token = (await response.json())["token"]

    def signature(self, vin: str, command: str) -> str:
        return x_signature(self.sign_secret, vin, command)

    async def post(self, vin: str, command: str, code: object = None, **headers: str) -> Answer:
        body: dict[str, object] = {"vin": vin, "command": command}
        if code is not None:
            body["code"] = code
        sent = {"Authorization": f"Bearer {self.token}", "X-Signature": self.signature(vin, command), **headers}
        return await self.send_raw(json.dumps(body).encode(), sent)

    async def send_raw(self, body: bytes, headers: Mapping[str, str]) -> Answer:
        """A POST that is exactly as given."""
        async with self.http.post(f"{self.url}/vehicle-command", data=body, headers=headers) as response:
            return Answer(response.status, await response.json(), response.headers)

    async def confirmed(self, vin: str, command: str, **headers: str) -> Answer:
        """Both steps of a two-step command; the answer of the second."""
        first = await self.post(vin, command)
        assert first.body.get("status") == "Confirmation", first
        return await self.post(vin, command, first.body["code"], **headers)

    async def send(self, vin: str, command: str) -> Answer:
        """One step or two, as the command asks."""
        return await (self.confirmed if command.endswith("_ignition") else self.post)(vin, command)

    async def get(self, command_id: str, wait: int = 0) -> Answer:
        url = f"{self.url}/vehicle-command/{command_id}" + (f"?wait={wait}" if wait else "")
        async with self.http.get(url, headers={"Authorization": f"Bearer {self.token}"}) as response:
            return Answer(response.status, await response.json(), response.headers)

    async def final(self, command_id: str, *, status: str | None = None, within: float = 60.0) -> dict[str, Any]:
        """The record once it is final, or once it has the wanted `status`."""
        async with asyncio.timeout(within):
            while True:
                record = (await self.get(command_id, wait=5)).body
                if record["status"] == status or (status is None and record["status"] in FINAL):
                    return record
                await asyncio.sleep(0.05)


def held_by(added: Mapping[str, Any], url: str, http: aiohttp.ClientSession) -> Application:
    """What a client holds of an application that was just added."""
    secrets = {name: added[name] for name in ("client_id", "client_secret", "sign_secret")}
    return Application(url, http, **secrets)
