"""A command that can be sent at once is registered with its intent, and sent when that is durable; any other waits."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from keyturn.commands.model.states import State
from keyturn.connectors.port import Quota
from keyturn.errors import Refusal
from tests.engine.one_node import DONE, LATER, UNCLEAR, UNDER_WAY, MakeNode, OneNode
from tests.support.enrolment import VIN

Prepare = Callable[[OneNode], Coroutine[Any, Any, object]]


async def settle(seconds: float = 0.0) -> None:
    """Let everything run that runs without waiting, or within so many seconds."""
    await asyncio.sleep(seconds or 0.001)


@pytest.mark.parametrize("command", ["lock_door", "alert", "location", "start"])
def test_what_can_be_sent_at_once_is_registered_with_its_intent_and_sent_once(node_of: MakeNode, command: str) -> None:
    node = node_of()

    async def work() -> None:
        command_id = await node.post(command)
        await settle(1.0)
        assert node.first(command_id) is State.DISPATCHING
        assert [order.command_id for order in node.oem.sent] == [command_id]
        assert (await node.row(command_id)).state in (State.EXECUTED, State.VERIFIED)

    node.run(work)


async def nothing(_node: OneNode) -> None: ...


async def lane_is_held_by_dispatching(node: OneNode) -> None:
    node.oem.go.clear()
    await node.post("alert")
    await settle()
    node.loop.call_later(0.5, node.oem.go.set)


async def lane_is_held_by_accepted(node: OneNode) -> None:
    node.oem.answers = [UNDER_WAY]
    await node.post("alert")
    await settle()
    node.loop.call_later(0.1, setattr, node.oem, "status", DONE)


async def lane_is_held_by_queued(node: OneNode) -> None:
    node.oem.answers = [LATER]
    await node.post("alert")
    await settle()


async def opposite_is_unsent(node: OneNode) -> None:
    node.oem.answers = [LATER]
    await node.post("unlock_door")
    await settle(6.0)  # the breaker is closed again by a read
    await node.post("location")
    await settle()


async def breaker_is_open(node: OneNode) -> None:
    node.oem.answers = [UNCLEAR]
    await node.post("location")
    await settle()


async def breaker_is_half_open(node: OneNode) -> None:
    await breaker_is_open(node)
    await settle(5.5)


async def clock_is_set(node: OneNode) -> None:
    node.clock.step(3_600.0)
    node.loop.call_later(6.0, node.clock.set_right)


async def quota_is_used_up(node: OneNode) -> None:
    await node.post("location")
    await settle()


async def rights_are_revoked(node: OneNode) -> None:
    await node.administer("application set", application=node.names.application, grants=["location"])


async def application_is_disabled(node: OneNode) -> None:
    await node.administer("application set", application=node.names.application, active=False)


async def company_is_disabled(node: OneNode) -> None:
    await node.administer("company set", company="first", active=False)


HELD_UP = [
    (lane_is_held_by_dispatching, "lock_door", {}, 1.0, State.EXECUTED),
    (lane_is_held_by_accepted, "lock_door", {}, 2.0, State.EXECUTED),
    (lane_is_held_by_queued, "lock_door", {}, 20.0, State.EXECUTED),
    (opposite_is_unsent, "lock_door", {}, 1.0, State.EXECUTED),
    (nothing, "cancel_alert", {}, 1.0, State.EXECUTED),
    (nothing, "lock_door", {"reads_state": True}, 5.0, State.EXECUTED),
    (nothing, "unlock_door", {"enforces_preconditions": False}, 1.0, State.REFUSED),
    (breaker_is_open, "lock_door", {}, 10.0, State.EXECUTED),
    (breaker_is_half_open, "lock_door", {}, 1.0, State.EXECUTED),
    (breaker_is_open, "diagnostics", {}, 10.0, State.EXECUTED),
    (clock_is_set, "lock_door", {}, 15.0, State.EXECUTED),
    (quota_is_used_up, "lock_door", {"quota": Quota(per_vehicle=((20.0, 1),))}, 30.0, State.EXECUTED),
    (quota_is_used_up, "lock_door", {"quota": Quota(per_account=((20.0, 2),), reserve=1)}, 30.0, State.EXECUTED),
    (rights_are_revoked, "lock_door", {}, 1.0, State.REFUSED),
    (application_is_disabled, "location", {}, 1.0, State.REFUSED),
    (company_is_disabled, "alert", {}, 1.0, State.REFUSED),
]


@pytest.mark.parametrize(
    ("prepare", "command", "declared", "seconds", "end"),
    HELD_UP,
    ids=lambda value: getattr(value, "__name__", None) or "",
)
def test_whatever_holds_it_up_leaves_it_queued_and_it_goes_on_from_there(
    node_of: MakeNode, prepare: Prepare, command: str, declared: dict[str, Any], seconds: float, end: State
) -> None:
    node = node_of(**declared)

    async def work() -> None:
        await prepare(node)
        before = len(node.oem.sent)
        command_id = await node.post(command)
        assert node.first(command_id) is State.QUEUED
        assert command_id not in node.runtime.engine.sending
        assert len(node.oem.sent) == before
        await settle(seconds)
        row = await node.row(command_id)
        assert row.state in {end, State.VERIFIED if end is State.EXECUTED else end}
        assert sum(order.command_id == command_id for order in node.oem.sent) == (end is State.EXECUTED)

    node.run(work)


def test_a_clock_that_was_set_holds_up_no_read(node_of: MakeNode) -> None:
    node = node_of()

    async def work() -> None:
        await clock_is_set(node)
        assert node.first(await node.post("location")) is State.DISPATCHING

    node.run(work)


def test_a_node_that_has_not_started_queues(node_of: MakeNode) -> None:
    node = node_of()

    async def work() -> None:
        command_id = await node.post("lock_door")
        assert node.first(command_id) is State.QUEUED
        await node.runtime.start()
        await settle(1.0)
        assert (await node.row(command_id)).state is State.EXECUTED

    node.run(work, start=False)


def test_an_account_that_cannot_be_opened_leaves_it_queued_and_unsent(node_of: MakeNode) -> None:
    node = node_of()

    async def work() -> None:
        await node.change("UPDATE oem_account SET sealed = :seal", seal=b"broken")
        command_id = await node.post("lock_door")
        await settle(1.0)
        assert node.first(command_id) is State.QUEUED
        assert not node.oem.sent

    node.run(work)


@pytest.mark.parametrize("cause", ["switch", "doubt", "account"])
def test_what_is_refused_is_not_registered_at_all(node_of: MakeNode, cause: str) -> None:
    node = node_of()

    async def work() -> None:
        if cause == "switch":
            await node.administer("switch throw", company="first", reach="actuating", reason="recall")
        elif cause == "doubt":
            await node.change("UPDATE vehicle SET doubt = 'vin' WHERE vin = :vin", vin=VIN)
        else:
            await node.administer("account set", account="main", company="first", active=False)
        with pytest.raises(Refusal):
            await node.post("lock_door")
        assert await node.rows("SELECT count(*) FROM command") == [(0,)]
        assert not node.oem.sent
        assert not node.runtime.engine.sending

    node.run(work)


def test_what_is_answered_no_for_now_is_tried_again_as_ever(node_of: MakeNode) -> None:
    node = node_of()

    async def work() -> None:
        node.oem.answers = [LATER]
        command_id = await node.post("lock_door")
        await settle(20.0)
        assert [order.command_id for order in node.oem.sent] == [command_id, command_id]
        assert (await node.row(command_id)).state is State.EXECUTED

    node.run(work)


def test_its_send_budget_runs_on_the_monotonic_clock_from_its_registration(node_of: MakeNode) -> None:
    node = node_of()

    async def work() -> None:
        node.oem.answers = [LATER] * 100
        command_id = await node.post("lock_door")
        await settle(1.0)
        node.clock.step(-1.5)  # a step that is believed: the deadline by the wall clock comes later
        await settle(60.5)
        sent = len(node.oem.sent)
        await settle(30.0)
        assert len(node.oem.sent) == sent
        assert (await node.row(command_id)).state is State.FAILED

    node.run(work)


def test_the_oems_calls_are_counted(node_of: MakeNode) -> None:
    node = node_of(quota=Quota(per_vehicle=((60.0, 5),)))

    async def work() -> None:
        await node.post("lock_door")
        assert await node.rows("SELECT vehicle_id FROM oem_call") == [(node.names.vehicle,)]

    node.run(work)


def test_a_command_behind_it_waits_for_its_end_and_is_woken_by_it(node_of: MakeNode) -> None:
    node = node_of()

    async def work() -> None:
        node.oem.go.clear()
        first, second = await asyncio.gather(node.post("lock_door"), node.post("alert"))
        await settle(3.0)
        assert [order.command_id for order in node.oem.sent] == [first]
        node.oem.go.set()
        await settle()
        assert [order.command_id for order in node.oem.sent] == [first, second]

    node.run(work)
