"""The insider: attempts in random order, and immediate use of whatever they yield."""

import asyncio
from random import Random
from typing import Any

from keyturn.auth.principal import Operator
from keyturn.clock import SECOND
from verification.simulation.clients.administration import Done, administer, filled
from verification.simulation.clients.clients import send
from verification.simulation.clients.responses import PostResult
from verification.simulation.insiders.attempts import ATTEMPTS, Attempt
from verification.simulation.insiders.people import COMPANY, as_whom
from verification.simulation.world.installation import BY_VIN
from verification.simulation.world.world import World

_WAITING = """
SELECT c.vin, c.id, c.actor FROM open_command o JOIN command c ON c.id = o.command_id
WHERE o.state = 'AwaitingApproval' AND c.company_id = 'company-1' ORDER BY c.id
"""
_TO_FETCH = """
SELECT id FROM change WHERE state = 'applied' AND proposed_by = 'ines' AND collect_by IS NOT NULL
  AND collected_at IS NULL ORDER BY proposed_at, id
"""
_OWN_OPEN = "SELECT id FROM change WHERE state = 'waiting' AND proposed_by = 'ines' ORDER BY proposed_at, id"
_SECRETS = ("client_secret", "sign_secret")


class InsiderAtWork:
    """One person, alone, and the puppets that come of it."""

    def __init__(self, world: World, chance: Random) -> None:
        assert world.plan.insider is not None, "the scenario has an insider"
        self._world, self._chance, self._insider = world, chance, world.plan.insider
        self._self = as_whom(world.plan.insider)
        self._vins = [vin for vin in world.plan.vins if BY_VIN[vin].company == COMPANY]
        self._under_way: list[asyncio.Task[None]] = []
        self._puppets: list[Operator] = []

    async def run(self) -> None:
        """Every attempt, and the use of its result."""
        fetching = asyncio.create_task(self._fetch_for_ever())
        for deed in self._chance.choices(ATTEMPTS, [deed.weight for deed in ATTEMPTS], k=self._insider.deeds):
            await asyncio.sleep(self._insider.pace * self._chance.random())
            self._under_way.append(asyncio.create_task(self._do(deed)))
        await asyncio.gather(*self._under_way)
        await asyncio.sleep(self._insider.delay / SECOND + 3.0)
        fetching.cancel()

    async def _do(self, deed: Attempt) -> None:
        vin = self._chance.choice(self._vins)
        if deed.while_waiting:
            vin = await self._waiting_vin() or vin
        if deed.operation == "vehicle set" and "account" in deed.arguments and BY_VIN[vin].connector == "relay":
            return  # it is there already
        self._world.counts[f"insider: {deed.name}"] += 1
        done = await self._ask(deed.operation, filled(vin, deed.arguments))
        await self._use(done, vin)
        if self._chance.random() < 0.5:
            await self._approve_own()
        if deed.then_asked is not None:
            await asyncio.sleep(self._insider.delay / SECOND + 2.0 if deed.then_asked == "after notice" else 0.0)
            await self._disable(str(filled(vin, {"application": "{app}"})["application"]), vin)

    async def _waiting_vin(self) -> str | None:
        """The vehicle of a disable that waits for an approval; None: there is none for too long."""
        for _ in range(40):
            for vin, _command, _actor in self._world.rows(_WAITING):
                return str(vin)
            await asyncio.sleep(0.5)
        return None

    async def _approve_own(self) -> None:
        for (change,) in self._world.rows(_OWN_OPEN):
            for operator in (self._self, *self._puppets):
                await self._ask("change approve", {"change": change}, operator)

    async def _use(self, done: Done | None, vin: str) -> None:
        """A secret, or a code by which a newcomer sets the first password."""
        answer = (done.answer if done else None) or {}
        if any(secret in answer for secret in _SECRETS):
            await self._disable_as(answer["id"], vin)
        if "code" in answer:
            newcomer = Operator(answer["id"], answer["name"], answer["role"], answer["company_id"], second_factor=True)
            self._puppets.append(newcomer)
            self._world.insiders.hands.add(newcomer.id)
            self._world.counts["insider: signs in as the newcomer"] += 1

    async def _disable_as(self, application: str, vin: str) -> None:
        """Ask as the application, and approve that oneself."""
        self._world.counts["insider: asks with the new secret"] += 1
        command = await self._disable(application, vin)
        if command is not None:
            self._world.insiders.commands.add(command)
        await self._approve_commands()

    async def _disable(self, application: str, vin: str) -> str | None:
        """Ask as the application, in both steps: the id of what was taken; None: nothing, or it joined another's."""
        code: str | None = None
        for _ in range(2):
            reason = "missing; since noon"
            post = PostResult(
                application, COMPANY, vin, "disable_ignition", code, None, self._world.loop.time(), reason
            )
            self._world.posts.append(post)
            await send(self._world, post, self._chance)
            if "code" not in post.body:
                return post.id if code is not None else None
            code = str(post.body["code"])
        return None

    async def _approve_commands(self) -> None:
        for _vin, command, _actor in self._world.rows(_WAITING):
            if command in self._world.insiders.commands:
                for operator in (self._self, *self._puppets):
                    await self._ask("approval approve", {"command": command}, operator)

    async def _fetch_for_ever(self) -> None:
        while True:
            await asyncio.sleep(1.0)
            for (change,) in self._world.rows(_TO_FETCH):
                done = await self._ask("change collect", {"change": change})
                await self._use(done, self._chance.choice(self._vins))
            if self._puppets:
                await self._approve_own()
                await self._approve_commands()

    async def _ask(self, operation: str, arguments: dict[str, Any], operator: Operator | None = None) -> Done | None:
        """None: no node was up, or the result is unknown."""
        for node in self._world.living()[:1]:
            task = administer(self._world, node, operation, arguments, operator or self._self)
            await asyncio.wait([task], timeout=60.0)
            return task.result() if task.done() and not task.cancelled() else None
        return None
