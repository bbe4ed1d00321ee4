"""What one person does at once, whoever else is in charge: two sessions at one moment do it once, and it is told."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest

from keyturn.admin.operators import load
from keyturn.alerts.entries import Entry
from keyturn.alerts.rules import rule_for
from keyturn.errors import OperationError
from tests.support.policy_env import PolicyEnv, policy_env

pytestmark = pytest.mark.anyio

Prepare = Callable[[PolicyEnv, str], Awaitable[dict[str, Any]]]


@dataclass
class Act:
    """`prepare` makes what it is done to; of two, `losers` many are turned away."""

    operation: str
    prepare: Prepare
    kind: str
    losers: int = 0
    entries: int = 1


async def throw_disable(_env: PolicyEnv, _vin: str) -> dict[str, Any]:
    return {"reach": "disable", "company": "first", "reason": "theft"}


async def throw_actuating(_env: PolicyEnv, _vin: str) -> dict[str, Any]:
    return {"reach": "actuating", "company": "first", "reason": "theft"}


async def an_application(env: PolicyEnv, vin: str) -> dict[str, Any]:
    given = {"company": "first", "name": vin, "grants": ["location"]}
    return {"application": (await env.staff.do("ana", "application add", **given))["id"], "active": False}


async def an_operator(env: PolicyEnv, vin: str) -> dict[str, Any]:
    given = {"company": "first", "name": vin, "email": "v@b.c", "role": "viewer"}
    return {"person": (await env.staff.do("ana", "operator add", **given))["id"], "active": False}


async def a_waiting_command(env: PolicyEnv, vin: str) -> dict[str, Any]:
    await env.server.first.log_in()
    return {"command": await env.waiting(vin)}


async def a_change(env: PolicyEnv, _vin: str) -> dict[str, Any]:
    change = await env.staff.do("ana", "policy set", company="first", second_person=False)
    assert change["state"] == "pending"
    return {"change": change["change"]}


async def a_policy(_env: PolicyEnv, _vin: str) -> dict[str, Any]:
    return {"company": "first", "reason_required": True}


async def a_notice(_env: PolicyEnv, vin: str) -> dict[str, Any]:
    return {"vehicle": vin, "channel": "sms"}


async def a_vehicle(_env: PolicyEnv, vin: str) -> dict[str, Any]:
    return {"vehicle": vin}


ACTS = (
    Act("application set", an_application, "application.changed", entries=2),
    Act("operator set", an_operator, "operator.set", entries=2),
    Act("approval reject", a_waiting_command, "command.Cancelled", losers=1),
    Act("command cancel", a_waiting_command, "command.Cancelled", losers=1),
    Act("change withdraw", a_change, "change.withdrawn", losers=1),
    Act("notice add", a_notice, "immobilisation.notice", entries=2),
    Act("keep-enabling start", a_vehicle, "keep_enabling.started", entries=1),
    Act("policy set", a_policy, "policy.tightened", losers=1),
    Act("switch throw", throw_disable, "switch.activated", losers=1),
    Act("switch throw", throw_actuating, "switch.activated", losers=1),
)
"""Those that stop other commands come last."""


@pytest.fixture(scope="module")
async def alone(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[PolicyEnv]:
    """ana is in charge."""
    async with policy_env(tmp_path_factory.mktemp("alone")) as env:
        await env.server.node.administer("operator set", {"person": "ana", "role": "admin"})
        yield env


@pytest.fixture
def vin(alone: PolicyEnv) -> str:
    return next(alone.vins)


@pytest.mark.parametrize("act", ACTS, ids=lambda act: f"{act.operation}-{act.prepare.__name__}")
async def test_unguarded_act_in_two_sessions_at_once_is_done_once_and_audited(
    alone: PolicyEnv, vin: str, act: Act
) -> None:
    arguments = await act.prepare(alone, vin)
    before = len(alone.server.store.entries(act.kind))
    operator = await _signed_in(alone, "ana")
    perform = alone.server.node.administration._perform
    came = await asyncio.gather(
        *(perform([(act.operation, dict(arguments))], operator) for _session in range(2)), return_exceptions=True
    )

    refused = [each for each in came if isinstance(each, OperationError)]
    assert len(refused) == act.losers, came
    assert all(isinstance(each, list | OperationError) for each in came)
    assert not any(isinstance(each, list) and each[0].get("needs") for each in came)
    entries = alone.server.store.entries(act.kind)[before:]
    assert len(entries) == act.entries
    assert rule_for(_entry(entries[-1])) is not None


async def _signed_in(env: PolicyEnv, name: str) -> Any:
    (row,) = env.server.store.rows("SELECT id FROM operator WHERE name = :name", name=name)
    return await env.server.node.store.read(lambda tx: load(tx, row["id"], second_factor=True))


def _entry(row: dict[str, Any]) -> Entry:
    named: dict[str, Any] = {
        name: row.get(name) for name in ("seq", "at", "company_id", "actor", "kind", "vehicle_id", "command_id")
    }
    return Entry(**named, body=row["body"])
