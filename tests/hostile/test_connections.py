"""Connections that the OEM keeps open, and what it slips into them."""

from collections.abc import Iterator

import pytest

from tests.hostile.hostile_oem import Behaviour, Caller, Seen, answer, saying

from .product import Product

pytestmark = pytest.mark.anyio

UNKNOWN = "Outcome unknown. The vehicle may have executed the command."
TAKEN = answer(202, {"id": "op-taken"})
STALE = answer(202, {"id": "op-stale"})


async def hang_up(_seen: Seen, _caller: Caller) -> None:
    """The connection ends after the request."""


async def test_a_command_dropped_on_a_kept_connection_is_not_written_again(
    shared: Product, vins: Iterator[str]
) -> None:
    first, second = next(vins), next(vins)
    shared.oem.behave("/operations/op-taken", saying(answer(200, {"state": "done"})))
    await shared.meets(first, saying(TAKEN))
    await shared.meets(second, hang_up)
    assert (await shared.send(first, "lock_door")).code == 200
    posted = await shared.send(second, "lock_door")
    record = await shared.get(posted.body["id"])
    (kept,), (dropped,) = shared.oem.commands(first), shared.oem.commands(second)
    assert (dropped.method, dropped.connection) == ("PUT", kept.connection)
    assert (posted.code, record["detail"]) == (200, UNKNOWN)
    await shared.still_serves()


async def slip_in(_seen: Seen, caller: Caller) -> bool:
    """An answer, and one to a request that nobody made yet."""
    await caller.say(TAKEN)
    await caller.say(STALE)
    return True


async def slip_in_at_once(_seen: Seen, caller: Caller) -> bool:
    await caller.say(TAKEN + STALE)
    return True


@pytest.mark.parametrize("slip", [slip_in, slip_in_at_once])
async def test_an_answer_that_was_there_before_the_question_is_nobodys(
    shared: Product, vins: Iterator[str], slip: Behaviour
) -> None:
    first, second = next(vins), next(vins)
    shared.oem.behave("/operations/op-taken", saying(answer(200, {"state": "done"})))
    shared.oem.behave("/operations/op-stale", saying(answer(200, {"state": "done"})))
    shared.oem.behave("/operations/op-true", saying(answer(200, {"state": "failed"})))
    await shared.meets(first, slip)
    await shared.meets(second, saying(answer(202, {"id": "op-true"})))
    done = await shared.send(first, "lock_door")
    assert (await shared.get(done.body["id"]))["status"] == "Success"
    posted = await shared.send(second, "lock_door")
    record = await shared.get(posted.body["id"])
    assert record["status"] == "Error"
    assert len(shared.oem.about("/operations/op-stale")) == 0
    assert len(shared.oem.commands(second)) == 1
