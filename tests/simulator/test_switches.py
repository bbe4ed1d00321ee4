from collections.abc import AsyncIterator

import pytest

from .oem import Oem, simulated

pytestmark = pytest.mark.anyio
PARKED = "9KTPARKED00000001"
SLOW = "9KTSL0W0000000019"


@pytest.fixture(scope="module")
async def switched_on(anyio_backend: str) -> AsyncIterator[Oem]:
    async with simulated(allow_cancel=True, honour_idempotency_key=True, honour_expires_at=True) as oem:
        yield oem


@pytest.fixture
async def able(switched_on: Oem) -> Oem:
    await switched_on.control("reset")
    return switched_on


async def test_an_operation_that_the_vehicle_has_not_got_is_cancelled(able: Oem) -> None:
    operation = await able.done(SLOW, "start")
    status, body = await able.call("DELETE", operation["url"])
    assert (status, body["operation"]["error"]["code"]) == (200, "cancelled")
    await able.advance(60)
    assert (await able.operation(operation["url"]))["status"] == "failure"
    assert await able.ledger() == []


async def test_an_operation_that_is_done_cannot_be_cancelled(able: Oem) -> None:
    operation = await able.done(PARKED, "start")
    status, body = await able.call("DELETE", operation["url"])
    assert (status, body["error"]["code"]) == (409, "too_late")
    assert await able.actuated(PARKED) == ["start"]


async def test_an_idempotency_key_gives_the_first_operation_again(able: Oem) -> None:
    url, body = f"{able.base_url}/vehicles/{PARKED}/commands/start", {"client_ref": "ref-1"}
    answers = [await able.call("POST", url, json=body, headers={"Idempotency-Key": "k"}) for _ in range(2)]
    assert answers[0] == answers[1]
    assert await able.actuated(PARKED) == ["start"]


async def test_an_idempotency_key_is_good_for_one_request_only(able: Oem) -> None:
    headers = {"Idempotency-Key": "k"}
    for command, status in (("start", 202), ("alert", 409)):
        url = f"{able.base_url}/vehicles/{PARKED}/commands/{command}"
        assert (await able.call("POST", url, json={"client_ref": "ref-1"}, headers=headers))[0] == status


async def test_a_command_that_expires_before_the_vehicle_gets_it_does_nothing(able: Oem) -> None:
    now = (await able.state(PARKED))["last_contact"]
    _, body = await able.send(SLOW, "start", expires_at=now.replace("Z", "-00:00"))
    operation = await able.operation(body["operation"]["url"])
    assert (operation["status"], operation["error"]["code"]) == ("failure", "expired")
    await able.advance(60)
    assert await able.ledger() == []


async def test_a_silent_vehicles_operation_ends_when_it_expires(able: Oem) -> None:
    _, body = await able.send("9KTN0C0V000000011", "location", expires_at="2030-01-01T00:00:00Z")
    assert (await able.operation(body["operation"]["url"]))["status"] == "in_progress"
    await able.advance(6 * 366 * 86400)
    assert (await able.operation(body["operation"]["url"]))["error"]["code"] == "expired"


async def test_an_expiry_without_offset_is_refused(able: Oem) -> None:
    assert (await able.send(PARKED, "start", expires_at="2100-01-01T00:00:00"))[0] == 400


async def test_switched_off_keys_and_expiry_are_ignored_and_delete_is_not_allowed(oem: Oem) -> None:
    url, headers = f"{oem.base_url}/vehicles/{PARKED}/commands/unlock_door", {"Idempotency-Key": "k"}
    body = {"client_ref": "ref-1", "expires_at": "2020-01-01T00:00:00Z"}
    operations = [(await oem.call("POST", url, json=body, headers=headers))[1]["operation"] for _ in range(2)]
    assert await oem.actuated(PARKED) == ["unlock_door"] * 2
    assert (await oem.call("DELETE", operations[0]["url"]))[0] == 405
