"""Clients: commands in one step and two, repeats, races, wrong codes, vehicles and records of other companies."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from random import Random
from typing import Any

from verification.results import Read
from verification.simulation.clients.policies import Rules
from verification.simulation.clients.responses import PostResult
from verification.simulation.world.installation import APPLICATIONS, BY_VIN, VEHICLES
from verification.simulation.world.node import LOST, Node
from verification.simulation.world.world import World

_ONE_STEP = ("location", "diagnostics", "lock_door", "unlock_door", "alert", "cancel_alert", "start", "cancel_start")
_TWO_STEP = ("disable_ignition", "enable_ignition")
_COMPANY = {application.id: application.company for application in APPLICATIONS}
_REASONS = ("missing; since noon", "suspicion of theft or robbery", "unauthorised use", "because", None)
_PATIENCE = 60.0
"""Seconds after which a request without an answer is a violation."""


class Client:
    """One client of one application; `budget` is shared: how many requests the scenario still has."""

    def __init__(self, world: World, application: str, chance: Random, budget: list[int]) -> None:
        self._world = world
        self._application = application
        self._chance = chance
        self._why = Random(f"why {world.plan.seed} {application}")
        self._budget = budget
        self._vins = [vin for vin in world.plan.vins if BY_VIN[vin].company == _COMPANY[application]]
        self._mine: list[PostResult] = []

    async def run(self) -> None:
        """Until the scenario has no requests left."""
        while self._budget[0] > 0:
            await asyncio.sleep(self._world.plan.pace * self._chance.random())
            await self._chosen()()

    def _chosen(self) -> Callable[[], Awaitable[None]]:
        """What to do next. A caller whose company has no vehicle here tries those of others."""
        if not self._vins:
            return self._chance.choice((self._foreign, self._foreign_record))
        habits = (
            self._one_step,
            self._two_step,
            self._race,
            self._repeat,
            self._ask,
            self._foreign,
            self._foreign_record,
        )
        two_step = 60 if self._world.plan.policies else 26
        return self._chance.choices(habits, weights=(30, two_step, 12, 14, 12, 3, 3))[0]

    async def _one_step(self) -> None:
        await self._post(self._vin(), self._chance.choice(_ONE_STEP), key=self._maybe_key())

    async def _two_step(self) -> None:
        vin, command = self._vin(), self._chance.choices(_TWO_STEP, self._world.plan.two_step_weights)[0]
        if self._policy.get("locate_within") and self._why.random() < 0.7:
            await self._post(vin, "location")
        first = await self._post(vin, command, key=self._maybe_key())
        code = first.body.get("code")
        if code is None:
            return
        redeem = self._chance.choices(
            (self._redeem, self._redeem_at_once, self._redeem_twice, self._guess, self._late, self._lend, self._forget),
            weights=(40, 20, 10, 10, 5, 5, 10),
        )[0]
        await redeem(vin, command, str(code))
        if command == "disable_ignition" and self._world.plan.policies and self._why.random() < 0.4:
            await self._think_better(vin)

    async def _think_better(self, vin: str) -> None:
        """The vehicle was found: it is freed at once, whatever has become of the immobilisation."""
        first = await self._post(vin, "enable_ignition")
        if "code" in first.body:
            await self._redeem(vin, "enable_ignition", str(first.body["code"]))

    async def _redeem(self, vin: str, command: str, code: str) -> None:
        await self._post(vin, command, code=code, key=self._maybe_key())

    async def _redeem_at_once(self, vin: str, command: str, code: str) -> None:
        """The same code several times in parallel, whatever the node."""
        key = self._maybe_key()
        await _together(self._post(vin, command, code=code, key=key) for _ in range(self._chance.randint(2, 3)))

    async def _redeem_twice(self, vin: str, command: str, code: str) -> None:
        await self._redeem(vin, command, code)
        await asyncio.sleep(self._chance.choice((0.0, 1.0, 10.0)))
        await self._redeem(vin, command, code)

    async def _guess(self, vin: str, command: str, code: str) -> None:
        """Wrong codes, then the right one."""
        for _ in range(self._chance.randint(1, 6)):
            await self._post(vin, command, code=f"{(int(code) + self._chance.randint(1, 999_998)) % 1_000_000:06d}")
        await self._redeem(vin, command, code)

    async def _late(self, vin: str, command: str, code: str) -> None:
        await asyncio.sleep(self._world.plan.settings.confirmation.lifetime + self._chance.choice((-0.5, 0.0, 0.5)))
        await self._redeem(vin, command, code)

    async def _lend(self, vin: str, command: str, code: str) -> None:
        """Another application offers the code first, and it is offered for the opposite."""
        other = self._chance.choice(APPLICATIONS).id
        await self._post(vin, command, code=code, application=other)
        await self._post(vin, next(name for name in _TWO_STEP if name != command), code=code)
        await self._redeem(vin, command, code)

    async def _forget(self, vin: str, command: str, code: str) -> None:
        """The caller never comes back."""

    async def _race(self) -> None:
        """One request several times at once, or a command with its opposite."""
        vin, command = self._vin(), self._chance.choice(_ONE_STEP + _TWO_STEP)
        other = self._chance.choice((command, command, self._chance.choice(_ONE_STEP)))
        key = self._maybe_key()
        await _together(self._post(vin, name, key=key) for name in (command, other))

    async def _repeat(self) -> None:
        """Repeat an earlier request exactly, as after a lost answer; at once, or long after."""
        if self._mine:
            if self._chance.random() < 0.2:
                await asyncio.sleep(self._world.plan.settings.commands.answer_wait["start"] + 10.0)
            before = self._mine[-self._chance.randint(1, min(4, len(self._mine)))]
            await self._post(before.vin, before.command, code=before.code, key=before.key, again=before)

    async def _ask(self) -> None:
        known = [post.id for post in self._mine if post.id is not None]
        if known:
            await self._get(self._chance.choice(known), self._chance.choice((0.0, 0.0, 2.0, 10.0)))

    async def _foreign(self) -> None:
        """A vehicle of another company, or one that does not exist."""
        others = [vehicle.vin for vehicle in VEHICLES if vehicle.company != _COMPANY[self._application]]
        command = self._chance.choice(_ONE_STEP + _TWO_STEP)
        code = self._chance.choice((None, None, "123456"))
        await self._post(self._chance.choice([*others, "9KTN0NE0000000099"]), command, code=code)

    async def _foreign_record(self) -> None:
        self._budget[0] -= 1
        others = [post.id for post in self._world.posts if post.id and post.company != _COMPANY[self._application]]
        if others:
            await self._get(self._chance.choice(others), 0.0)

    def _vin(self) -> str:
        return self._chance.choice(self._vins)

    def _maybe_key(self) -> str | None:
        return f"key-{self._chance.randint(1, 10**9)}" if self._chance.random() < 0.35 else None

    @property
    def _policy(self) -> Rules:
        return self._world.plan.policies.get(_COMPANY[self._application], {})

    def _reason(self, command: str) -> str | None:
        """Why, if anybody might ask: mostly as they should, sometimes not."""
        asked = self._world.plan.policies and command == "disable_ignition"
        return self._why.choices(_REASONS, weights=(4, 2, 2, 1, 2))[0] if asked else None

    async def _post(
        self,
        vin: str,
        command: str,
        *,
        code: str | None = None,
        key: str | None = None,
        application: str | None = None,
        again: PostResult | None = None,
    ) -> PostResult:
        asked_by = application or self._application
        reason = again.reason if again else self._reason(command)
        post = PostResult(asked_by, _COMPANY[asked_by], vin, command, code, key, self._world.loop.time(), reason)
        self._budget[0] -= 1
        self._world.posts.append(post)
        self._mine.append(post)
        await send(self._world, post, self._chance)
        return post

    async def _get(self, command_id: str, wait: float) -> None:
        node = _node(self._world, self._chance)
        if node is None:
            return
        status, body = await node.get(self._application, command_id, wait)
        now = self._world.loop.time()
        company = _COMPANY[self._application]
        self._world.gets.append(Read(self._application, company, command_id, now, now, status, body))
        self._world.note(f"{self._application} reads {command_id[-6:]}: {status} {body.get('status')}")


async def send(world: World, post: PostResult, chance: Random) -> None:
    """Post, and check at once that what was answered is durable."""
    request_hash = f"{post.vin} {post.command} {post.code} {post.reason}" if post.key else ""
    asked = {"vin": post.vin, "command": post.command, "code": post.code, "idempotency_key": post.key}
    asked |= {"reason": post.reason, "case_number": post.reason and f"case {len(post.reason)}"}
    node = _node(world, chance)
    world.note(f"{post.application} asks {post.vin} {post.command} code={post.code} key={post.key}")
    try:
        async with asyncio.timeout(_PATIENCE):
            answer = LOST if node is None else await node.post(post.application, request_hash=request_hash, **asked)
    except TimeoutError:
        world.violated.append(("every request is answered", f"{post.vin} {post.command} was never answered"))
        answer = LOST
    post.status, post.body = answer
    post.answered_at = world.loop.time()
    world.note(lambda: f"{post.application} hears {post.status} {post.body}")
    if post.id is not None and not world.rows("SELECT 1 FROM command WHERE id = ?", post.id):
        world.violated.append(("1 durable before answered", f"{post.id} was answered and is not in the store"))


def _node(world: World, chance: Random) -> Node | None:
    living = world.living()
    return chance.choice(living) if living else None


async def _together(requests: Iterable[Coroutine[Any, Any, PostResult]]) -> None:
    await asyncio.gather(*requests)
