"""A token endpoint in bad faith: the client secret goes nowhere else, and no command is sent without a token."""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from keyturn.app import Node
from tests.hostile.hostile_oem import Behaviour, Caller, Seen, answer, saying

from .behaviours import NO_WHOLE_ANSWER, always
from .product import REFRESH, Product, product

pytestmark = pytest.mark.anyio

NOT_SENT = "Failed to send command to the OEM."
ENDPOINT = "/oauth/token"
TAKEN = saying(answer(202, {"id": "op-taken"}))

BAD_FAITH: dict[str, Callable[[Product], Behaviour]] = {
    "307 to another origin": lambda product: saying(answer(307, {}, f"Location: {product.elsewhere.url}{ENDPOINT}")),
    "a token with a header in it": lambda _: saying(answer(200, {"access_token": "a\r\nX-Admin: yes"})),
    "a token that no header can hold": lambda _: saying(answer(200, {"access_token": "a\0b"})),
    "a token that is a document": lambda _: saying(answer(200, {"access_token": {"a": 1}})),
    "a life that is no number": lambda _: saying(answer(200, b'{"access_token": "a", "expires_in": NaN}')),
    "no UTF-8": lambda _: saying(answer(200, b'{"access_token": "\xff"}')),
    "refusal": lambda _: saying(answer(401, {})),
    **{
        name: always(NO_WHOLE_ANSWER[name])
        for name in ("hangs up after the request", "ten megabytes of JSON", "garbage")
    },
}


@pytest.mark.parametrize("name", BAD_FAITH)
async def test_without_a_token_nothing_is_sent(shared: Product, vin: str, name: str) -> None:
    shared.oem.behave(ENDPOINT, BAD_FAITH[name](shared))
    before = len(shared.oem.about(ENDPOINT))
    await shared.meets(vin, TAKEN, connector="hostile-oauth")
    posted = await shared.send(vin)
    await shared.still_serves()
    assert (posted.code, posted.body["status"], posted.body["detail"]) == (502, "Error", NOT_SENT)
    assert (await shared.get(posted.body["id"]))["detail"] == NOT_SENT
    assert 1 <= len(shared.oem.about(ENDPOINT)) - before <= 2
    assert shared.oem.commands(vin) == []
    shared.assert_kept_to_itself()


@pytest.mark.parametrize("token", ["a\r\nX-Admin: yes", "a\0b"])
async def test_a_token_that_cannot_be_used_is_not_kept(shared: Product, vin: str, token: str) -> None:
    shared.oem.behave(ENDPOINT, saying(answer(200, {"access_token": token, "expires_in": 3600})))
    await shared.meets(vin, TAKEN, connector="hostile-oauth")
    assert (await shared.send(vin)).code == 502
    shared.oem.behave(ENDPOINT, saying(answer(200, {"access_token": "good", "expires_in": 3600})))
    shared.server.advance(21)
    assert (await shared.send(vin)).code == 200
    assert ["Authorization: Bearer good\r\n" in seen.head for seen in shared.oem.commands(vin)] == [True]


async def test_a_token_that_is_refused_for_ever_is_renewed_once(shared: Product, vin: str) -> None:
    issued: list[str] = []

    async def issue(_seen: Seen, caller: Caller) -> bool:
        issued.append(f"token-{len(issued)}")
        await caller.say(answer(200, {"access_token": issued[-1], "expires_in": 3600}))
        return True

    shared.oem.behave(ENDPOINT, issue)
    await shared.meets(vin, saying(answer(401, {})), connector="hostile-oauth")
    posted = await shared.send(vin)
    assert (posted.code, posted.body["detail"]) == (502, NOT_SENT)
    first, second = shared.oem.commands(vin)
    assert "Authorization: Bearer token-0\r\n" in first.head
    assert "Authorization: Bearer token-1\r\n" in second.head
    last = (await shared.timeline(posted.body["id"]))[-1]
    assert [exchange["status"] for exchange in (*last["earlier"], last["exchange"])] == [401, 401]
    shared.assert_kept_to_itself()


async def test_a_refresh_token_that_rotates_is_used_once_over_a_restart_too(tmp_path: Path) -> None:
    used: list[str] = []

    async def issue(seen: Seen, caller: Caller) -> bool:
        used.append(parse_qs(seen.body.decode())["refresh_token"][0])
        number = len(used)
        issued = {"access_token": f"token-{number}", "refresh_token": f"{REFRESH}-{number}", "expires_in": 31}
        await caller.say(answer(200, issued))
        return True

    async with product(tmp_path, bystanders=3) as running:
        running.oem.behave("/oauth/refresh", issue)
        await running.meets("REFRESHED", TAKEN, connector="hostile-refresh")
        assert (await running.send("REFRESHED")).code == 200
        await running.server.node.stop()
        node = Node(running.server.settings, clock=running.server.clock)
        running.server.first.url = await node.start()
        try:
            assert (await running.send("REFRESHED", "lock_door")).code == 200
            running.assert_kept_to_itself()
        finally:
            await node.stop()
    assert used[:2] == [REFRESH, f"{REFRESH}-1"]
    assert len(used) == len(set(used))
