"""A command that is registered with its intent is sent once that is durable, and at no other time."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from keyturn.commands.model.states import State
from tests.engine.one_node import MakeNode, OneNode, failing
from tests.store.disk import HeldDisk

Prepare = Callable[[OneNode], Coroutine[Any, Any, object]]


async def settle(seconds: float = 0.0) -> None:
    """Let everything run that runs without waiting, or within so many seconds."""
    await asyncio.sleep(seconds or 0.001)


def test_nothing_is_sent_before_its_commit_is_durable(node_of: MakeNode) -> None:
    disk = HeldDisk()
    disk.free = True
    node = node_of(disk)

    async def work() -> None:
        disk.free = False
        posted = asyncio.create_task(node.post("lock_door"))
        await settle(1.0)
        assert disk.busy
        assert not node.oem.sent
        assert not posted.done()
        (owned,) = node.runtime.engine.sending  # the sweep and recovery leave it alone from now on
        disk.set_free()
        command_id = await posted
        await settle()
        assert command_id == owned
        assert [order.command_id for order in node.oem.sent] == [command_id]

    node.run(work)


def test_what_was_committed_too_slowly_to_be_sent_in_time_is_not_sent_late(node_of: MakeNode) -> None:
    """Its `send_by` is of the moment of its intent, on both clocks."""
    disk = HeldDisk()
    disk.free = True
    node = node_of(disk)

    async def work() -> None:
        disk.free = False
        asked_at = node.clock.boottime()
        posted = asyncio.create_task(node.post("lock_door"))
        await settle(3.0)
        disk.set_free()
        await posted
        await settle()
        (order,) = node.oem.sent
        assert order.send_by_boottime == pytest.approx(asked_at + 5.0)
        assert order.send_by - node.clock.now() == pytest.approx(2_000_000, abs=10_000)

    node.run(work)


def test_a_unit_that_is_undone_sends_nothing_and_keeps_nothing_in_sending(node_of: MakeNode) -> None:
    """Its batch runs anew because another unit failed: the command that is registered then is sent, once."""
    node = node_of()

    async def work() -> None:
        posted, failed = await asyncio.gather(node.post("lock_door"), node.store.write(failing), return_exceptions=True)
        assert isinstance(failed, ValueError)
        await settle(1.0)
        assert [order.command_id for order in node.oem.sent] == [posted]
        assert not node.runtime.engine.sending
        assert await node.rows("SELECT count(*) FROM command") == [(1,)]

    node.run(work)


def test_while_it_is_being_sent_neither_sweep_nor_recovery_take_it(node_of: MakeNode) -> None:
    node = node_of(finds_by_reference=True)

    async def work() -> None:
        node.oem.go.clear()
        command_id = await node.post("lock_door")
        await settle()
        node.runtime.engine.schedule_vehicle(node.names.vehicle)
        await node.runtime.engine.rescan()
        await settle(60.0)
        assert (await node.row(command_id)).state is State.DISPATCHING
        assert command_id in node.runtime.engine.sending
        node.oem.go.set()
        await settle(1.0)
        assert (await node.row(command_id)).state is State.EXECUTED
        assert not node.runtime.engine.sending

    node.run(work)


def test_a_scan_within_the_gap_before_the_sending_takes_nothing_up(node_of: MakeNode) -> None:
    """The commit is durable, and the word of it has not come: `sending` alone keeps recovery away."""
    disk = HeldDisk()
    disk.free = True
    node = node_of(disk)

    async def work() -> None:
        disk.free = False
        posted = asyncio.create_task(node.post("lock_door"))
        await settle(1.0)
        node.runtime.engine.schedule_vehicle(node.names.vehicle)
        scheduled = asyncio.create_task(node.runtime.engine.rescan())
        disk.set_free()
        await asyncio.gather(posted, scheduled)
        await settle(1.0)
        assert len(node.oem.sent) == 1
        states = [row.state for row in node.told[posted.result()]]
        assert states == [State.DISPATCHING, State.EXECUTED]

    node.run(work)
