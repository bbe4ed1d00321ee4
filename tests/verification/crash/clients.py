"""Clients that keep sending whatever happens, and log the answers."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import aiohttp

from tests.support.clients import Answer, Application
from tests.support.server_env import ALL_COMMANDS

LOST = (aiohttp.ClientError, ConnectionError)
"""The answer is lost: whether the request was registered is unknown."""
UNAVAILABLE = 503
_PAUSE = 0.05


class PostResult(NamedTuple):
    """An id from an answer, with the request."""

    command_id: str
    vin: str
    command: str


@dataclass
class LoadControl:
    """What the clients go by."""

    open: asyncio.Event = field(default_factory=asyncio.Event)
    """A server is up."""
    closing: asyncio.Event = field(default_factory=asyncio.Event)
    """Finish what you began, and nothing new."""


@dataclass
class Client:
    """Sends one command after the other, each until it is answered."""

    application: Application
    vins: Sequence[str]
    chance: random.Random
    load_control: LoadControl
    posts: list[PostResult] = field(default_factory=list)
    lost: int = 0
    """Answers that never came."""
    unexpected: list[Answer] = field(default_factory=list)
    """Answers that the contract does not have."""

    async def run(self) -> None:
        while not self.load_control.closing.is_set():
            vin, command = self.chance.choice(self.vins), self.chance.choice(ALL_COMMANDS)
            first = await self._insist(vin, command)
            if first.body.get("status") == "Confirmation":
                await self._insist(vin, command, first.body["code"])

    async def _insist(self, vin: str, command: str, code: str | None = None) -> Answer:
        """The answer, however many servers die over it: the same key makes it one request."""
        key = {"Idempotency-Key": f"{self.chance.getrandbits(64):016x}"}
        while True:
            await self.load_control.open.wait()
            try:
                answer = await self.application.post(vin, command, code, **key)
            except LOST:
                self.lost += 1
            else:
                if answer.code != UNAVAILABLE:
                    self._note(answer)
                    return answer
            await asyncio.sleep(_PAUSE)

    def _note(self, answer: Answer) -> None:
        if "id" in answer.body:
            self.posts.append(PostResult(answer.body["id"], answer.body["vin"], answer.body["command"]))
        elif not (400 <= answer.code < 500 and set(answer.body) == {"detail"}):
            self.unexpected.append(answer)
