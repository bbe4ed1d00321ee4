"""Immobilisation by two: what an application has confirmed waits for an operator who has nothing to do with it."""

import asyncio

import pytest

from tests.policy.shell import keyturn
from tests.support.clients import Answer
from tests.support.operators import LIFE
from tests.support.policy_env import PolicyEnv

pytestmark = pytest.mark.anyio

NOT_APPROVED = "Not approved."


async def test_the_confirmed_disable_is_answered_at_once_and_waits(env: PolicyEnv, vin: str) -> None:
    s = env.server
    async with asyncio.timeout(10):
        command_id = await env.waiting(vin)
    assert (await s.first.get(command_id)).body["status"] == "Pending"
    waiting = (await s.node.administer("approval list", {}))["approvals"]
    assert [(each["vin"], each["command"], each["by"]) for each in waiting if each["id"] == command_id] == [
        (vin, "disable_ignition", s.store.command(command_id)["actor"])
    ]
    assert await s.actuations(vin) == []

    await env.goes_through(command_id)

    assert await s.actuations(vin) == ["disable_ignition"]
    approver = (await s.node.administer("operator show", {"person": "ana"}))["id"]
    shown = await s.node.administer("command show", {"command": command_id})
    assert shown["approved_by"] == approver
    queued = next(each for each in shown["timeline"] if each["kind"] == "command.Queued")
    assert queued["actor"] == f"operator:{approver}"


async def test_approver_sees_reason_case_and_evidence(env: PolicyEnv, vin: str) -> None:
    command_id = await env.waiting(vin, **{"X-Reason": "missing; n%C3%A3o%20devolvido", "X-Case": "BO%2012"})

    shown = await env.staff.do("bruno", "approval show", command=command_id)

    assert (shown["reason"], shown["case_number"]) == ("missing; não devolvido", "BO 12")
    assert {each["number"]: each["verdict"] for each in shown["verdicts"]}.keys() == {3, 13}
    assert shown["evidence"]["signals"]["system_power_mode"]["value"] == "off"
    assert shown["state"] == "AwaitingApproval"
    assert await keyturn(env.server, "approval", "show", command_id) == shown
    assert command_id in {each["id"] for each in (await keyturn(env.server, "approval", "list"))["approvals"]}
    refused = await keyturn(env.server, "approval", "approve", command_id, code=1)
    assert refused["code"] == "sign_in_required"
    await env.staff.do("bruno", "approval reject", command=command_id)


async def test_what_is_rejected_was_never_sent(env: PolicyEnv, vin: str) -> None:
    command_id = await env.waiting(vin)
    await env.staff.do("ana", "approval reject", command=command_id)

    assert await env.detail(command_id) == NOT_APPROVED
    assert env.state(command_id) == "Cancelled"
    assert await env.server.actuations(vin) == []
    assert await env.staff.refused("ana", "approval approve", command=command_id) == "not_awaiting"


async def test_only_who_signed_in_with_a_second_factor_approves(env: PolicyEnv, vin: str) -> None:
    command_id, staff = await env.waiting(vin), env.staff
    for verb in ("approve", "reject"):
        assert await staff.refused(None, f"approval {verb}", command=command_id) == "sign_in_required"
        assert await staff.refused("ana", f"approval {verb}", factor=False, command=command_id) == "sign_in_required"
        assert await staff.refused("vera", f"approval {verb}", command=command_id) == "role_required"
    assert env.state(command_id) == "AwaitingApproval"
    await env.goes_through(command_id)


async def test_another_companys_approver_finds_nothing_there(env: PolicyEnv, vin: str) -> None:
    command_id, staff = await env.waiting(vin), env.staff
    for operation in ("approval approve", "approval reject", "approval show", "command cancel"):
        for reference in (command_id, command_id[:-4] + "0000"):
            assert await staff.refused("sergio", operation, command=reference) == "not_found"
    assert (await staff.do("sergio", "approval list"))["approvals"] == []
    assert env.state(command_id) == "AwaitingApproval"
    await env.goes_through(command_id)


async def test_application_owner_does_not_approve_for_it(env: PolicyEnv, vin: str) -> None:
    owned = {"application": "app", "company": "first"}
    await env.server.node.administer("application set", {**owned, "responsible": ["rita"]})
    command_id = await env.waiting(vin)

    assert await env.staff.refused("rita", "approval approve", command=command_id) == "may_not_approve"
    assert env.state(command_id) == "AwaitingApproval"
    await env.goes_through(command_id, "bruno")
    await env.server.node.administer("application set", {**owned, "responsible": []})


async def test_enabling_never_waits_and_ends_what_does(env: PolicyEnv, vin: str) -> None:
    s = env.server
    command_id = await env.waiting(vin)

    enable = await s.first.confirmed(vin, "enable_ignition")

    assert (enable.code, enable.body["status"]) == (200, "Pending"), enable
    assert await env.detail(command_id) == f"Superseded by command {enable.body['id']}."
    assert await env.staff.refused("ana", "approval approve", command=command_id) == "not_awaiting"
    await s.first.final(enable.body["id"])
    assert s.store.command(enable.body["id"])["sent_at"] is not None
    assert await s.actuations(vin) == []


async def test_repeated_request_joins_the_one_awaiting_approval(env: PolicyEnv, vin: str) -> None:
    """No code is issued, whichever of the company's applications asks."""
    s = env.server
    command_id = await env.waiting(vin)
    colleague = await s.application("first", f"colleague of {vin}")
    async with asyncio.timeout(10):
        answers = [await s.first.post(vin, "disable_ignition"), await colleague.post(vin, "disable_ignition")]

    assert [(each.code, each.body["id"], each.body["status"]) for each in answers] == [(200, command_id, "Pending")] * 2
    assert all("code" not in each.body for each in answers)
    assert s.store.timeline(command_id).count("coalesced") == 2
    await env.goes_through(command_id)


async def test_a_second_code_redeemed_meanwhile_joins_and_is_approved_once(env: PolicyEnv, vin: str) -> None:
    s = env.server
    colleague = await s.application("first", f"twin of {vin}")
    code = (await colleague.post(vin, "disable_ignition")).body["code"]
    command_id = await env.waiting(vin)

    answer = await colleague.post(vin, "disable_ignition", code)

    assert (answer.code, answer.body["id"], answer.body["status"]) == (200, command_id, "Pending")
    await env.goes_through(command_id)
    assert await s.actuations(vin) == ["disable_ignition"]


async def test_a_repeated_key_hears_the_same_before_and_after(env: PolicyEnv, vin: str) -> None:
    s, key = env.server, {"Idempotency-Key": "second-step"}
    code = (await s.first.post(vin, "disable_ignition")).body["code"]

    async def repeated() -> Answer:
        return await s.first.post(vin, "disable_ignition", code, **key)

    first = await repeated()
    assert (first.code, first.body["status"]) == (200, "Pending")
    assert (await repeated()).body == first.body
    await env.staff.do("ana", "approval reject", command=first.body["id"])
    again = await repeated()
    assert (again.code, again.body["status"], again.body["id"]) == (200, "Pending", first.body["id"])
    assert len(s.store.commands_of(vin)) == 1


async def test_one_of_many_concurrent_approvals_counts(env: PolicyEnv, vin: str) -> None:
    s, command_id = env.server, await env.waiting(vin)
    signed_in = [env.staff.credentials(name) for name in ("ana", "bruno")]

    answers = await asyncio.gather(
        *(s.node.administer("approval approve", {"command": command_id}, each) for each in signed_in),
        return_exceptions=True,
    )

    codes = [getattr(each, "code", "done") for each in answers]
    assert sorted(codes) == ["done", "not_awaiting"]
    assert (await s.first.final(command_id))["status"] == "Success"
    assert await s.actuations(vin) == ["disable_ignition"]
    assert await env.staff.refused("ana", "approval approve", command=command_id) == "not_awaiting"
    assert s.store.timeline(command_id).count("Queued") == 1


async def test_one_of_a_concurrent_approval_and_rejection_counts(env: PolicyEnv, vin: str) -> None:
    s, command_id = env.server, await env.waiting(vin)
    orders = [
        ("approval reject", env.staff.credentials("ana")),
        ("approval approve", env.staff.credentials("bruno")),
    ]

    answers = await asyncio.gather(
        *(s.node.administer(name, {"command": command_id}, each) for name, each in orders), return_exceptions=True
    )

    assert sorted(getattr(each, "code", "done") for each in answers) == ["done", "not_awaiting"]
    approved = not hasattr(answers[1], "code")
    record = await s.first.final(command_id)
    assert record["status"] == ("Success" if approved else "Error")
    assert await s.actuations(vin) == (["disable_ignition"] if approved else [])


async def test_disable_that_nobody_approves_in_time_fails(env: PolicyEnv, vin: str) -> None:
    command_id = await env.waiting(vin)
    env.server.advance(LIFE)

    assert await env.detail(command_id) == NOT_APPROVED
    assert env.state(command_id) == "Expired"
    assert await env.staff.refused("ana", "approval approve", command=command_id) == "not_awaiting"
    assert await env.server.actuations(vin) == []


async def test_a_waiting_command_is_taken_back(env: PolicyEnv, vin: str) -> None:
    command_id = await env.waiting(vin)
    await env.server.node.administer("command cancel", {"command": command_id})

    assert await env.detail(command_id) == "Cancelled before it was sent."
    assert await env.staff.refused("ana", "approval approve", command=command_id) == "not_awaiting"
