"""What turned while a command waited for its second person: judged again at the approval, and before it is sent."""

from typing import Any

import pytest

from tests.support.policy_env import PolicyEnv
from tests.support.refusals import VIN_UNKNOWN, refused
from tests.support.server_env import ALL_COMMANDS

pytestmark = pytest.mark.anyio

TURNED: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "stopped by a kill switch": (
        "switch",
        {"company": "first", "reach": "disable", "reason": "recall"},
        {"company": "first", "reach": "disable"},
    ),
    "no longer permitted": (
        "application set",
        {"application": "app", "company": "first", "grants": ["location"]},
        {"application": "app", "company": "first", "grants": ALL_COMMANDS},
    ),
}


@pytest.mark.parametrize("reason", TURNED)
async def test_changed_right_or_rule_refuses_at_the_approval(env: PolicyEnv, vin: str, reason: str) -> None:
    s, command_id = env.server, await env.waiting(vin)
    operation, turn, back = TURNED[reason]
    names = ("switch throw", "switch release") if operation == "switch" else (operation, operation)
    await s.node.administer(names[0], turn)

    approved = await env.staff.do("ana", "approval approve", command=command_id)
    await s.node.administer(names[1], back)

    assert approved["state"] == "Refused"
    approver = (await s.node.administer("operator show", {"person": "ana"}))["id"]
    (entry,) = [each for each in s.store.entries("command.Refused") if each["command_id"] == command_id]
    assert (approved["approved_by"], entry["actor"]) == (approver, f"operator:{approver}")
    assert await env.detail(command_id) == f"Command blocked by policy: {reason}."
    assert await s.actuations(vin) == []


async def test_a_vehicle_given_up_meanwhile_is_not_immobilised(env: PolicyEnv, vin: str) -> None:
    s, command_id = env.server, await env.waiting(vin)
    await s.node.administer("vehicle set", {"vehicle": vin, "active": False})

    await env.staff.do("ana", "approval approve", command=command_id)

    assert await env.detail(command_id) == "Command blocked by policy: no longer permitted."
    assert refused(await s.first.post(vin, "location")) == VIN_UNKNOWN
    assert await s.actuations(vin) == []


async def test_a_vehicle_that_drives_by_now_is_refused_when_it_is_approved(env: PolicyEnv, vin: str) -> None:
    """Known already: at the approval. Found by the reading before the sending: then."""
    s, not_off = env.server, "Precondition not met: The vehicle must be turned off."
    driving = {
        "speed": 40.0,
        "vehicle_move_status": "forward",
        "system_power_mode": "on",
        "ignition_status": "ignition on",
    }
    for known in (True, False):
        at = vin if known else next(env.vins)
        command_id = await env.waiting(at)
        await s.set_vehicle(at, signals=driving)
        if known:
            s.advance(121)  # what was read before says nothing any more: this start has the vehicle read
            assert (await s.first.post(at, "start")).code == 409
        approved = await env.staff.do("ana", "approval approve", command=command_id)
        assert (approved["state"] == "Refused") is known
        assert await env.detail(command_id) == not_off
        assert await s.actuations(at) == []
