"""A client that locks and unlocks doors in turn, before the outcome of a lost command is known.

So several commands of ours could each have made one change, which a state read then shows.
"""

import asyncio
from random import Random

from verification.simulation.clients.clients import send
from verification.simulation.clients.responses import PostResult
from verification.simulation.world.installation import APPLICATIONS, BY_VIN
from verification.simulation.world.loop import until
from verification.simulation.world.world import World

_PAIR = ("lock_door", "unlock_door")
_REQUESTS = 10
_PAUSES = (1.0, 3.0, 6.0)
_UNDER_WAY = "SELECT 1 FROM command WHERE id = ? AND state IN ('Queued', 'Dispatching', 'Accepted')"
_PATIENCE = 15.0
"""Seconds that the customer watches a command on its way."""


async def alternate(world: World) -> None:
    """Where the plan has such a customer."""
    vin = world.plan.alternating
    if vin is None:
        return
    chance = Random(f"wavering {world.plan.seed}")
    company = BY_VIN[vin].company
    application = next(application.id for application in APPLICATIONS if application.company == company)
    turn = chance.randrange(2)
    for _ in range(_REQUESTS):
        await asyncio.sleep(chance.choice(_PAUSES) * chance.random())
        turn ^= 1
        post = PostResult(application, company, vin, _PAIR[turn], None, None, world.loop.time())
        world.posts.append(post)
        await send(world, post, chance)
        await until(lambda command_id=post.id: not world.rows(_UNDER_WAY, command_id), _PATIENCE, 0.2)  # type: ignore[misc]  # bound now
