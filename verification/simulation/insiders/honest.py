"""The honest admins: they review proposed changes, and do what must always be possible."""

import asyncio
from random import Random
from typing import Any

from keyturn.admin import change_execution
from keyturn.auth.principal import Operator
from verification.simulation.clients.administration import administer, filled
from verification.simulation.insiders.people import ANA, ANA_BY_PASSWORD, COMPANY
from verification.simulation.world.installation import APPROVERS, BY_VIN, KEYRING
from verification.simulation.world.node import Node
from verification.simulation.world.world import World

_OPEN = "SELECT id, operation FROM change WHERE state IN ('waiting', 'pending') ORDER BY proposed_at, id"
_SOME_OPEN = "SELECT 1 FROM change WHERE state IN ('waiting', 'pending') LIMIT 1"
_ROUTINE = ("application rotate-secret", "operator add", "policy set")
"""What may as well be honest: it is approved now and then."""
_PLACE = {"account": "{account}"}
_SAFE: tuple[tuple[str, dict[str, Any]], ...] = (
    ("switch throw", {"reach": "disable", **_PLACE, "reason": "recall"}),
    ("switch throw", {"reach": "actuating", **_PLACE, "reason": "recall"}),
    ("switch release", {"reach": "restoring"}),
    ("switch release", {"reach": "restoring", **_PLACE}),
    ("policy set", {"company": "{company}", "second_person": True, "reason_required": True}),
    ("application set", {"application": "desk", "active": False}),
    ("operator set", {"person": "viewer", "active": False}),
    ("keep-enabling start", {"vehicle": "{vehicle}"}),
    ("notice add", {"vehicle": "{vehicle}", "channel": "phone"}),
    ("clock accept", {}),
)
"""Done at once by one person."""


async def make_due(world: World) -> None:
    """What the server does every second, on whichever node lives."""
    while True:
        await asyncio.sleep(1.0)
        for node in world.living()[: len(world.rows(_SOME_OPEN))]:
            await asyncio.wait([node.run(_due(world, node))], timeout=60.0)


async def _due(world: World, node: Node) -> None:
    try:
        await change_execution.apply_due(node.store, KEYRING, world.installation, node.operations)
    except OSError:
        world.note("changes that are due wait: the store is away")


class Watch:
    """Reviews each proposed change once, as Ana where there is one, else as the shell."""

    def __init__(self, world: World, chance: Random) -> None:
        assert world.plan.insider is not None, "the scenario has admins"
        self._world, self._chance, self._alone = world, chance, world.plan.insider.alone
        self._seen: dict[str, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """For ever."""
        while True:
            await asyncio.sleep(self._chance.choice((0.3, 1.0, 3.0)))
            for change, operation in self._world.rows(_OPEN):
                if change not in self._seen:
                    self._seen[change] = asyncio.create_task(self._treat(change, operation))
            if not self._world.calm and self._chance.random() < 0.08:
                await self._act_safely()

    async def _treat(self, change: str, operation: str) -> None:
        routine = operation in _ROUTINE and not self._alone
        habit = self._chance.choices(("withdraw", "late", "never", "approve"), (3, 2, 4, 8 if routine else 0))[0]
        if habit == "never":
            return
        await asyncio.sleep(self._chance.choice((0.0, 1.0)) if habit != "late" else 20.0)
        if habit == "approve":
            await self._ask("change approve", {"change": change}, ANA)
        else:
            shell_or_ana = (None,) if self._alone else (None, ANA_BY_PASSWORD, ANA)
            await self._ask("change withdraw", {"change": change}, self._chance.choice(shell_or_ana))

    async def _act_safely(self) -> None:
        operation, arguments = self._chance.choice(_SAFE)
        vins = [vin for vin in self._world.plan.vins if BY_VIN[vin].company == COMPANY]
        operator: Operator | None = APPROVERS[0] if self._alone else ANA_BY_PASSWORD
        if operation in ("application set", "policy set") and self._alone:
            operator = None
        if operation == "operator set" and self._alone:
            return
        if operation == "clock accept":
            self._world.time_check.accepting = True
        self._world.counts[f"at once: {operation}"] += 1
        await self._ask(operation, filled(self._chance.choice(vins), arguments), operator)

    async def _ask(self, operation: str, arguments: dict[str, Any], operator: Operator | None) -> None:
        for node in self._world.living()[:1]:
            await asyncio.wait([administer(self._world, node, operation, arguments, operator)], timeout=60.0)
