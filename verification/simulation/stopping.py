"""A node that is stopped as its operator stops it: it goes on serving until the engine is done, and then ends."""

from collections.abc import Iterator

from keyturn.clock import after
from verification.results import READS
from verification.simulation.plan import Event
from verification.simulation.world.loop import until
from verification.simulation.world.node import Node
from verification.simulation.world.world import World

GRACE = 40.0
"""Seconds: longer than any connection and answer takes, so that every sending has its answer."""
_WAIT = 4.0
"""Seconds until it is stopped without having anything to send."""
_AT_ONCE = 0.1
"""Seconds within which units that were under way are through."""
CHECK = "a node stops in good order"
_UNRECORDED = "SELECT name, id FROM command WHERE state = 'Dispatching' AND created_at >= ? AND name NOT IN (?, ?)"
_BEGUN = "SELECT name, id FROM command WHERE sent_at > ?"


def stop_node(world: World, event: Event) -> None:
    """Stop the first of the living nodes; it starts again `event.seconds` later."""
    for node in _going_on(world):
        node.run(_stop(world, node, event.seconds))


def stop_sending_node(world: World, event: Event) -> None:
    """The same while it has something to send, and goes on getting requests."""
    for node in _going_on(world):
        node.run(_stop_sending(world, node, event.seconds))


def _going_on(world: World) -> list[Node]:
    return [node for node in world.living() if not node.stopping][:1]


async def _stop_sending(world: World, node: Node, restart: float) -> None:
    await until(lambda: bool(node.sending), _WAIT, 0.002)
    await _stop(world, node, restart)


async def _stop(world: World, node: Node, restart: float) -> None:
    if node.stopping or world.calm:
        return
    number, stopped_at = world.nodes.index(node), node.store.time.store_now()
    await node.stop(GRACE)
    world.note(f"{node.name} has stopped")
    if "disk" not in world.faults.places:
        world.time_check.stopped()
    if world.plan.nodes == 1 and "disk" not in world.faults.places:
        world.violated += [(CHECK, text) for text in _left(world, node.started_at, stopped_at)]
    world.loop.call_soon(world.crash, number, False, restart, context=world.cloud.world)


def _left(world: World, started_at: int, stopped_at: int) -> Iterator[str]:
    """What has an intent of this node's life has its answer too, and none was written once the node was stopping."""
    for name, command_id in world.rows(_UNRECORDED, started_at, *READS):
        yield f"{name} {command_id} has an intent, and its node stops without an answer to it"
    for name, command_id in world.rows(_BEGUN, after(stopped_at, _AT_ONCE)):
        yield f"{name} {command_id} was sent by a node that was stopping"
