"""Operators: they approve what waits for them, reject it or let it expire, and lift limits that were exceeded."""

import asyncio
from collections.abc import Awaitable, Callable
from random import Random

from keyturn.auth.principal import Operator
from keyturn.clock import SECOND
from verification.simulation.clients.administration import administer
from verification.simulation.clients.policies import NO_LIMITS
from verification.simulation.clients.responses import Decision
from verification.simulation.world.installation import APPROVERS, UNFIT
from verification.simulation.world.loop import until
from verification.simulation.world.world import World

_VERBS = {"approve": "approval approve", "reject": "approval reject", "cancel": "command cancel"}
_WAITING = "SELECT command_id FROM open_command WHERE state = 'AwaitingApproval'"
_OTHERS = "SELECT 1 FROM open_command WHERE state <> 'AwaitingApproval' UNION ALL SELECT 1 FROM open_code"
_STOPS = "SELECT company_id, actor, tripped_at FROM limit_stop WHERE lifted_at IS NULL"
_DEADLINE = "SELECT approve_by FROM command WHERE id = ? AND state = 'AwaitingApproval'"


class Operators:
    """Every operator of a scenario; each command that waits gets one treatment, and each stop."""

    def __init__(self, world: World, chance: Random) -> None:
        self._world = world
        self._chance = chance
        self._seen: dict[str, asyncio.Task[None]] = {}
        self._stops: dict[tuple[str, str, int], asyncio.Task[None]] = {}

    async def run(self) -> None:
        """For ever."""
        while True:
            await asyncio.sleep(self._chance.choice((0.2, 1.0, 3.0)))
            for (command_id,) in self._world.rows(_WAITING):
                if command_id not in self._seen:
                    self._seen[command_id] = asyncio.create_task(self._treat(command_id))
            for company, actor, tripped_at in self._world.rows(_STOPS):
                if (company, actor, tripped_at) not in self._stops:
                    self._stops[company, actor, tripped_at] = asyncio.create_task(self._lift(company, actor))

    async def _lift(self, company: str, actor: str) -> None:
        """Soon; or the limits are taken away instead, by which those who were stopped are not let go."""
        await asyncio.sleep(self._chance.choice((0.0, 1.0, 5.0)))
        if self._chance.random() < 0.6:
            operation, arguments = "limit lift", {"company": company, "application": actor or None}
        else:
            operation, arguments = "policy set", {"company": company, **NO_LIMITS}
        for node in self._world.living()[:1]:
            await asyncio.wait([administer(self._world, node, operation, arguments)], timeout=60.0)

    async def _treat(self, command_id: str) -> None:
        habits: tuple[Callable[[str], Awaitable[object]], ...] = (
            self._approve,
            self._reject,
            self._both_at_once,
            self._unfit_first,
            self._at_the_deadline,
            self._look_away,
            self._take_back,
        )
        await self._chance.choices(habits, weights=(48, 10, 20, 10, 4, 4, 4))[0](command_id)

    async def _approve(self, command_id: str) -> None:
        await asyncio.sleep(self._chance.choice((0.0, 0.0, 2.0, 20.0, 60.0)))
        await self._decide(command_id, "approve", APPROVERS[0])

    async def _reject(self, command_id: str) -> None:
        await asyncio.sleep(self._chance.choice((0.0, 5.0)))
        await self._decide(command_id, "reject", APPROVERS[1])

    async def _both_at_once(self, command_id: str) -> None:
        """Two people, whatever the node; they may disagree."""
        second = self._chance.choice(("approve", "approve", "reject"))
        await asyncio.gather(
            self._decide(command_id, "approve", APPROVERS[0]), self._decide(command_id, second, APPROVERS[1])
        )

    async def _unfit_first(self, command_id: str) -> None:
        await self._decide(command_id, "approve", self._chance.choice(UNFIT))
        await self._decide(command_id, "approve", APPROVERS[0])

    async def _at_the_deadline(self, command_id: str) -> None:
        await self._look_away(command_id)
        for (approve_by,) in self._world.rows(_DEADLINE, command_id):
            left = (approve_by - self._world.store_now()) / SECOND
            await asyncio.sleep(max(0.0, left + self._chance.choice((-0.1, -0.001, 0.0, 0.001))))
            await self._decide(command_id, "approve", APPROVERS[0])

    async def _take_back(self, command_id: str) -> None:
        await self._decide(command_id, "cancel", APPROVERS[1])

    async def _look_away(self, command_id: str) -> None:
        """No decision; once nothing else is left to happen, the time until the deadline is skipped."""
        await until(lambda: self._world.calm and not self._world.rows(_OTHERS), 900.0, 1.0)
        for (approve_by,) in self._world.rows(_DEADLINE, command_id):
            self._world.loop.skip((approve_by - self._world.store_now()) / SECOND - 2.0)

    async def _decide(self, command_id: str, verb: str, operator: Operator) -> None:
        """Retry until there is a decision, whatever happens to the nodes."""
        while self._world.rows(_DEADLINE, command_id):
            for node in self._chance.sample(self._world.living(), k=min(1, len(self._world.living()))):
                task = administer(self._world, node, _VERBS[verb], {"command": command_id}, operator)
                done = (await asyncio.wait([task], timeout=60.0))[0]
                if done and (task.result().answer or task.result().refused):
                    result = task.result()
                    state = None if result.answer is None else str(result.answer["state"])
                    self._world.note(f"{operator.id} {verb}s {command_id[-6:]}: {state or result.refused}")
                    self._world.decisions.append(Decision(operator, command_id, verb, state))
                    return
            await asyncio.sleep(1.0)
