"""Clients of every kind; they log each request under the request id that the answer repeats."""

import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from tests.support.clients import Answer, Application
from tests.support.server_env import ALL_COMMANDS

_TWO_STEP = ("disable_ignition", "enable_ignition")
_ONE_STEP = [command for command in ALL_COMMANDS if command not in _TWO_STEP]
_TRIES = 5
"""Wrong ones that kill a code."""


class Request(NamedTuple):
    """What a request asked for."""

    vin: str
    command: str
    key: str | None = None
    code_of: str | None = None
    """Offers the right code of this command."""
    guess_of: str | None = None
    """Offers a wrong code for this command."""
    guesses: int = 0
    """How many wrong ones that makes."""


Asked = dict[str, Request]
"""By request id."""


@dataclass
class Client:
    """Sends one request after the other. Ignition commands go to vehicles of its own, so that its codes stay its."""

    application: Application
    vins: Sequence[str]
    own: Sequence[str]
    chance: random.Random
    asked: Asked
    answers: list[Answer] = field(default_factory=list)

    async def run(self, requests: int) -> None:
        """About so many requests."""
        kinds = (self._one_step, self._repeated, self._confirmed, self._guessed, self._killed)
        until = len(self.answers) + requests
        while len(self.answers) < until:
            await self.chance.choices(kinds, weights=(6, 3, 4, 2, 1))[0]()

    async def ask(self, request: Request, code: str | None = None) -> Answer:
        """One request and its answer."""
        request_id = f"{self.chance.getrandbits(128):032x}"
        self.asked[request_id] = request
        headers = {"X-Request-ID": request_id, **({"Idempotency-Key": request.key} if request.key else {})}
        answer = await self.application.post(request.vin, request.command, code, **headers)
        self.answers.append(answer)
        return answer

    async def _one_step(self) -> None:
        await self.ask(Request(self.chance.choice(self.vins), self.chance.choice(_ONE_STEP)))

    async def _repeated(self) -> None:
        request = Request(self.chance.choice(self.vins), self.chance.choice(_ONE_STEP), self._key())
        for _ in range(self.chance.randint(2, 3)):
            await self.ask(request)

    async def _confirmed(self) -> None:
        await self._with_code(self._redeem)

    async def _guessed(self) -> None:
        async def guess_and_redeem(first: Request, command_id: str, code: str) -> None:
            await self._guess(first, command_id, code, self.chance.randint(1, _TRIES - 1))
            await self._redeem(first, command_id, code)

        await self._with_code(guess_and_redeem)

    async def _killed(self) -> None:
        async def guess(first: Request, command_id: str, code: str) -> None:
            await self._guess(first, command_id, code, _TRIES)

        await self._with_code(guess)

    async def _with_code(self, go_on: Callable[[Request, str, str], Awaitable[None]]) -> None:
        first = Request(self.chance.choice(self.own), self.chance.choice(_TWO_STEP), self._key())
        answer = await self.ask(first)
        if answer.body.get("status") == "Confirmation":
            await go_on(first, answer.body["id"], answer.body["code"])

    async def _guess(self, first: Request, command_id: str, code: str, times: int) -> None:
        for number in range(1, times + 1):
            wrong = f"{(int(code) + number) % 1_000_000:06}"
            await self.ask(Request(first.vin, first.command, guess_of=command_id, guesses=number), wrong)

    async def _redeem(self, first: Request, command_id: str, code: str) -> None:
        """Twice, every other time."""
        for _ in range(self.chance.randint(1, 2)):
            await self.ask(Request(first.vin, first.command, self._key(), code_of=command_id), code)

    def _key(self) -> str:
        return f"{self.chance.getrandbits(64):016x}"
