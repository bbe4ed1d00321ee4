"""Load: clients that keep sending whatever is killed, each with its habits."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from keyturn.commands.model.catalogue import COMMANDS, IGNITION_PAIR
from verification.crash.api_client import ApiClient, PostResult, RequestLog

_ONE_STEP = [name for name in COMMANDS if name not in IGNITION_PAIR]
_TWO_STEP = sorted(IGNITION_PAIR)
_PAUSE = 0.03


@dataclass
class LoadControl:
    """Starts and stops the clients."""

    open: asyncio.Event = field(default_factory=asyncio.Event)
    """A server is up."""
    closing: bool = False
    """Clients finish what they began, and begin nothing new."""


@dataclass
class Client:
    """One customer of one application; `foreign` are vehicles of another company."""

    api_client: ApiClient
    vins: Sequence[str]
    foreign: Sequence[str]
    chance: random.Random
    load_control: LoadControl
    request_log: RequestLog
    later: list[Callable[[], Awaitable[PostResult]]] = field(default_factory=list)
    """Requests to repeat when other servers have come."""

    async def run(self) -> None:
        habits, weights = list(_HABITS), list(_HABITS.values())
        while not self.load_control.closing:
            await self.load_control.open.wait()
            await self.chance.choices(habits, weights)[0](self)
        for repeat in self.later:
            await repeat()

    async def plain(self) -> None:
        """Sent once; whatever comes is left at that."""
        await self.api_client.post(self._vin(), self.chance.choice(_ONE_STEP))
        if not self.load_control.open.is_set():
            await asyncio.sleep(_PAUSE)

    async def keyed(self) -> None:
        """Sent until it is answered, and again afterwards: one command."""
        vin, command, key = self._vin(), self.chance.choice(_ONE_STEP), self._key()
        await self._insist(vin, command, key=key)
        await self._again(lambda: self._insist(vin, command, key=key))

    async def followed(self) -> None:
        """Read until it is final."""
        vin, command = self._vin(), self.chance.choice(_ONE_STEP)
        post = await self._insist(vin, command, key=self._key())
        get = await self.api_client.get(post.id, wait=1) if post.id is not None else None
        if get is not None and get.body.get("status") == "Pending":
            await self.api_client.get(get.command_id)

    async def confirmed(self) -> None:
        """Both steps under keys of their own; the second again afterwards, with its key and without."""
        vin, command, key = self._vin(), self.chance.choice(_TWO_STEP), self._key()
        code = await self._code(vin, command)
        if code is not None:
            await asyncio.sleep(self.chance.random() / 2)
            await self._insist(vin, command, code, key)
            await self._again(lambda: self._insist(vin, command, code, key))
            await self._again(lambda: self._insist(vin, command, code))

    async def double_click(self) -> None:
        """The same code by two requests at once, and again afterwards."""
        vin, command = self._vin(), self.chance.choice(_TWO_STEP)
        code = await self._code(vin, command)
        if code is not None:
            await asyncio.gather(*(self.api_client.post(vin, command, code) for _ in range(2)))
            await self._again(lambda: self._insist(vin, command, code))

    async def crowd(self) -> None:
        """The same request three times at once, and its opposite behind them."""
        vin, command = self._vin(), self.chance.choice(_ONE_STEP)
        await asyncio.gather(*(self.api_client.post(vin, command) for _ in range(3)))
        opposite = COMMANDS[command].opposite
        if opposite is not None:
            await self._insist(vin, opposite, key=self._key())

    async def mistaken(self) -> None:
        """A code that was never issued."""
        await self._insist(self._vin(), self.chance.choice(_TWO_STEP), self.chance.choice(["000000", "12345"]))

    async def trespass(self) -> None:
        """Another company's vehicle, and one of its records."""
        await self._insist(self.chance.choice(self.foreign), self.chance.choice(list(COMMANDS)))
        company = self.api_client.application.company
        answered_posts = [post.id for post in self.request_log.posts[-50:] if post.application.company != company]
        for command_id in answered_posts[-1:]:
            if command_id is not None:
                await self.api_client.get(command_id)

    async def _code(self, vin: str, command: str) -> str | None:
        """A code, unless the first step led elsewhere."""
        return (await self._insist(vin, command, key=self._key())).body.get("code")

    async def _again(self, repeat: Callable[[], Awaitable[PostResult]]) -> None:
        """Now, or when other servers have come, or both."""
        if self.chance.random() < 0.4:
            await repeat()
        if self.chance.random() < 0.4:
            self.later.append(repeat)
        if len(self.later) > 8:
            await self.later.pop(0)()

    async def _insist(self, vin: str, command: str, code: str | None = None, key: str | None = None) -> PostResult:
        """The answer, however many servers die over it."""
        while True:
            await self.load_control.open.wait()
            post = await self.api_client.post(vin, command, code, key)
            if post.final:
                return post
            await asyncio.sleep(_PAUSE)

    def _vin(self) -> str:
        return self.chance.choice(self.vins)

    def _key(self) -> str:
        return f"{self.chance.getrandbits(64):016x}"


_HABITS: dict[Callable[[Client], Awaitable[None]], float] = {
    Client.plain: 4,
    Client.keyed: 3,
    Client.followed: 1,
    Client.confirmed: 3,
    Client.double_click: 2,
    Client.crowd: 2,
    Client.mistaken: 0.5,
    Client.trespass: 0.5,
}
"""Relative frequency of each."""
