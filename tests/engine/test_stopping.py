"""A node that stops: what has an intent is sent and its answer recorded within the grace, and no intent is written."""

import asyncio

import pytest

from keyturn.commands.model.states import State
from tests.engine.one_node import MakeNode
from tests.store.disk import HeldDisk

GRACE = 20.0


def test_an_intent_that_is_being_committed_when_the_node_stops_is_sent_and_answered(node_of: MakeNode) -> None:
    disk = HeldDisk()
    disk.free = True
    node = node_of(disk)

    async def work() -> None:
        disk.free = False
        posted = asyncio.create_task(node.post("lock_door"))
        await asyncio.sleep(0.1)
        stopping = asyncio.create_task(node.runtime.stop(GRACE))
        await asyncio.sleep(0.1)
        assert not stopping.done()
        assert not node.oem.sent
        node.oem.go.clear()
        disk.set_free()
        command_id = await posted
        await asyncio.sleep(1.0)
        assert [order.command_id for order in node.oem.sent] == [command_id]
        assert not stopping.done()
        node.oem.go.set()
        await stopping
        assert (await node.row(command_id)).state is State.EXECUTED

    node.run(work)


def test_what_is_not_answered_within_the_grace_stays_dispatching_for_the_next_process(node_of: MakeNode) -> None:
    node = node_of()

    async def work() -> None:
        node.oem.go.clear()
        command_id = await node.post("lock_door")
        await asyncio.sleep(0.1)
        began = node.loop.time()
        await node.runtime.stop(GRACE)
        assert node.loop.time() - began == pytest.approx(GRACE)
        assert (await node.row(command_id)).state is State.DISPATCHING

    node.run(work)


def test_a_node_that_is_stopping_registers_no_command_with_its_intent(node_of: MakeNode) -> None:
    node = node_of()

    async def work() -> None:
        node.oem.go.clear()
        first = await node.post("location")
        await asyncio.sleep(0.1)
        stopping = asyncio.create_task(node.runtime.stop(GRACE))
        await asyncio.sleep(0.1)
        second = await node.post("lock_door")
        node.oem.go.set()
        await stopping
        assert [order.command_id for order in node.oem.sent] == [first]
        assert (await node.row(second)).state is State.QUEUED

    node.run(work)


@pytest.mark.parametrize("another_is_sent", [True, False])
def test_a_command_whose_vehicle_is_being_read_when_the_node_stops_gets_no_intent(
    node_of: MakeNode, another_is_sent: bool
) -> None:
    node = node_of(reads_state=True)

    async def work() -> None:
        node.oem.go.clear()
        if another_is_sent:
            await node.post("location")
        waiting = await node.post("lock_door")
        await asyncio.sleep(0.1)
        assert node.oem.reads == 1
        stopping = asyncio.create_task(node.runtime.stop(GRACE))
        await asyncio.sleep(0.1)
        node.oem.go.set()
        await stopping
        row = await node.row(waiting)
        assert (row.state, row.sent_at) == (State.QUEUED, None)
        assert len(node.oem.sent) == another_is_sent

    node.run(work)
