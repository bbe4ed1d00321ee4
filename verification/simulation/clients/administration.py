"""Administration through the real operations on a node's store."""

import asyncio
from typing import Any, NamedTuple

from keyturn.admin.operation import Answer
from keyturn.auth.principal import Operator
from keyturn.errors import OperationError
from keyturn.operations import perform
from keyturn.store.port import StoreUnavailable, Tx
from verification.simulation.clients.responses import Asked
from verification.simulation.world.installation import BY_VIN, KEYRING
from verification.simulation.world.node import Node
from verification.simulation.world.world import World

ACTOR = "operator:torture"
_APPLICATIONS = {"company-1": "erp", "company-2": "rival"}


class Done(NamedTuple):
    """Exactly one is set, or neither: the store was away, and it may have been done."""

    answer: Answer | None = None
    refused: str | None = None
    """The error's code."""


def administer(
    world: World, node: Node, operation: str, arguments: dict[str, Any], operator: Operator | None = None
) -> asyncio.Task[Done]:
    """Run it on the node as `operator`; None: as the shell. The task ends with the node."""
    return node.run(_administer(world, node, operation, arguments, operator))


async def _administer(
    world: World, node: Node, operation: str, arguments: dict[str, Any], operator: Operator | None
) -> Done:
    def work(tx: Tx) -> Answer:
        return perform(tx, KEYRING, world.installation, operation, arguments, ACTOR, node.operations, operator)

    done = Done()
    try:
        done = Done(await node.store.write(work))
    except StoreUnavailable:
        world.note(f"{operation} may not have been kept")
    except OperationError as error:
        world.note(f"{operation} is refused: {error}")
        done = Done(refused=error.code)
    if world.plan.insider is not None:
        world.insiders.asked.append(Asked(operation, arguments, operator, done.answer, done.refused))
    return done


def filled(vin: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments, with `{...}` replaced by the vehicle's own values."""
    vehicle = BY_VIN[vin]
    own = {
        "{vehicle}": vehicle.id,
        "{vin}": vin,
        "{account}": vehicle.account,
        "{company}": vehicle.company,
        "{app}": _APPLICATIONS[vehicle.company],
    }
    return {name: own.get(value, value) if isinstance(value, str) else value for name, value in arguments.items()}
