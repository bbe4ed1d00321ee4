"""A command that waits for its second person, while the node goes away and comes back."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from keyturn.administration import restore
from keyturn.app import Node
from tests.support.operators import LIFE, Staff
from tests.support.server_env import ServerEnv, server_env

pytestmark = pytest.mark.anyio

PARKED = "9KTPARKED00000001"


@asynccontextmanager
async def waiting(folder: Path) -> AsyncIterator[tuple[ServerEnv, Staff, str]]:
    async with server_env(folder) as s:
        staff = Staff(s)
        await staff.hire("ana")
        await s.node.administer("policy set", {"company": "first", "second_person": True})
        answer = await s.first.confirmed(PARKED, "disable_ignition")
        assert s.store.command(answer.body["id"])["state"] == "AwaitingApproval"
        yield s, staff, answer.body["id"]


@asynccontextmanager
async def another_node(s: ServerEnv) -> AsyncIterator[None]:
    """A new node on the data of the one that was stopped."""
    s.node = Node(s.settings, clock=s.clock)
    s.first.url = s.url = await s.node.start()
    try:
        yield
    finally:
        await s.node.stop()


async def test_awaiting_disable_waits_through_a_restart_and_is_approved_then(tmp_path: Path) -> None:
    async with waiting(tmp_path) as (s, staff, command_id):
        await s.node.stop()
        async with another_node(s):
            assert (await s.first.get(command_id)).body["status"] == "Pending"
            assert (await s.first.post(PARKED, "disable_ignition")).body["id"] == command_id
            await staff.do("ana", "approval approve", command=command_id)
            assert (await s.first.final(command_id))["status"] == "Success"
            assert await s.actuations(PARKED) == ["disable_ignition"]


async def test_approval_deadline_passes_while_the_node_is_down(tmp_path: Path) -> None:
    async with waiting(tmp_path) as (s, staff, command_id):
        await s.node.stop()
        s.advance(LIFE)
        async with another_node(s):
            assert await staff.refused("ana", "approval approve", command=command_id) == "not_awaiting"
            assert (await s.first.final(command_id))["detail"] == "Not approved."


async def test_awaiting_disable_lapses_with_the_epoch_of_its_store(tmp_path: Path) -> None:
    """A restored store has forgotten what its operators decided since."""
    async with waiting(tmp_path) as (s, staff, command_id):
        await s.node.administer("backup", {"file": str(tmp_path / "backup.db")})
        await s.node.stop()
        restore(s.settings, tmp_path / "backup.db")
        async with another_node(s):
            record = (await s.first.get(command_id)).body
            assert (record["status"], record["detail"]) == ("Error", "Not approved.")
            assert await staff.refused("ana", "approval approve", command=command_id) == "not_awaiting"
            assert (await s.node.administer("approval list", {}))["approvals"] == []
            assert await s.actuations(PARKED) == []
            assert (await s.first.post(PARKED, "disable_ignition")).body["status"] == "Confirmation"
