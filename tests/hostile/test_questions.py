"""The OEM took a command and then answers questions about it, or about its vehicle, in bad faith."""

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

import pytest

from tests.hostile.hostile_oem import Behaviour, answer, saying

from .behaviours import NO_WHOLE_ANSWER, always
from .product import Product

pytestmark = pytest.mark.anyio

UNKNOWN = "Outcome unknown. The vehicle may have executed the command."
LOCAL_TIME = re.compile(r"20\d\d-\d\d-\d\d \d\d:\d\d:\d\d")
TIMES: list[object] = [
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59Z",
    "2024-02-31T00:00:00Z",
    10**30,
    -(10**12),
    1e300,
    True,
    [],
    "soon",
    "\u0662\u0660",
]

EVASIONS: dict[str, Callable[[Product], Behaviour]] = {
    "307 to another origin": lambda product: saying(answer(307, {}, f"Location: {product.elsewhere.url}/operations/1")),
    "302 to itself": lambda _: saying(answer(302, {"state": "done"}, "Location: ?again")),
    "401 for ever": lambda _: saying(answer(401, {})),
    "500 with a success": lambda _: saying(answer(500, {"state": "done"})),
    "no UTF-8": lambda _: saying(answer(200, b'{"state": "\xff"}')),
    "a word that nobody knows": lambda _: saying(answer(200, {"state": "perhaps"})),
    "a state that is a document": lambda _: saying(answer(200, {"state": {"state": "done"}})),
    **{
        name: always(NO_WHOLE_ANSWER[name])
        for name in ("never answers", "ten megabytes of JSON", "chunks without end", "garbage")
    },
}


async def ask(product: Product, vin: str, command: str, behaviour: Behaviour) -> dict[str, Any]:
    """The final record of a command that the OEM took, when its questions are met with `behaviour`."""
    operation = f"/operations/op-{vin}"
    product.oem.behave(operation, behaviour)
    await product.meets(vin, saying(answer(202, {"id": f"op-{vin}"})))
    posted = await product.send(vin, command)
    assert (posted.code, posted.body["status"]) == (200, "Pending")
    await product.oem.until_about(operation)
    await product.still_serves()
    record = await product.get(posted.body["id"])
    assert len(product.oem.commands(vin)) == 1
    product.assert_kept_to_itself()
    return record


@pytest.mark.parametrize("name", EVASIONS)
async def test_without_an_answer_the_outcome_is_unknown_at_the_deadline(shared: Product, vin: str, name: str) -> None:
    record = await ask(shared, vin, "alert", EVASIONS[name](shared))
    assert (record["status"], record["detail"]) == ("Error", UNKNOWN)
    assert len(shared.oem.about(f"/operations/op-{vin}")) > 1, "it was not asked again"


@pytest.mark.parametrize("name", ["../vehicles/HOSTILE/commands/start", "a?b=c#d", "%2e%2e/x", "\u00e9/x", "a b"])
async def test_an_operation_id_stays_one_segment_of_the_path(shared: Product, vin: str, name: str) -> None:
    shared.oem.behave("/operations/", saying(answer(200, {"state": "done"})))
    await shared.meets(vin, saying(answer(202, {"id": name})))
    posted = await shared.send(vin, "lock_door")
    assert (await shared.get(posted.body["id"]))["status"] == "Success"
    assert f"/operations/{quote(name, safe='')}" in {seen.path for seen in shared.oem.seen}
    assert shared.oem.about("/commands/start") == []


@pytest.mark.parametrize("at", TIMES)
async def test_a_time_that_cannot_be_is_replaced_by_when_we_learned_of_it(
    shared: Product, vin: str, at: object
) -> None:
    record = await ask(shared, vin, "lock_door", saying(answer(200, {"state": "done", "at": at})))
    assert record["status"] == "Success"
    assert LOCAL_TIME.fullmatch(record["detail"]["date_time"])


HOSTILE_DATA: Mapping[str, object] = {
    "latitude": {"latitude": 1.5},
    "longitude": ["1.5"],
    "password": "unasked",
    "date_time": "0001-01-01 00:00:00",
}


async def test_a_success_without_what_was_asked_for_is_no_answer(shared: Product, vin: str) -> None:
    record = await ask(shared, vin, "location", saying(answer(200, {"state": "done", "data": HOSTILE_DATA})))
    assert (record["status"], record["detail"]) == ("Error", "No answer from the vehicle.")


async def test_a_success_brings_only_what_was_asked_for(shared: Product, vin: str) -> None:
    data = {**HOSTILE_DATA, "latitude": -23.5, "longitude": -46.6}
    record = await ask(shared, vin, "location", saying(answer(200, {"state": "done", "data": data})))
    assert record["status"] == "Success"
    assert record["detail"].keys() == {"date_time", "latitude", "longitude"}
    assert LOCAL_TIME.fullmatch(record["detail"]["date_time"])


STATES: dict[str, Callable[[Product], Behaviour]] = {
    "307 to another origin": lambda product: saying(answer(307, {}, f"Location: {product.elsewhere.url}/state")),
    "signals that are none": lambda _: saying(answer(200, {"signals": {"speed": {"value": {"value": 0}}}})),
    "no UTF-8": lambda _: saying(answer(200, b'{"signals": {"speed": "\xff"}}')),
    "a number without end": lambda _: saying(answer(200, b'{"signals": {"speed": {"value": 1' + b"0" * 9999 + b"}}}")),
    **{f"as of {at!r}": always(saying(answer(200, {"signals": {"speed": {"value": 0, "as_of": at}}}))) for at in TIMES},
    **{
        name: always(NO_WHOLE_ANSWER[name])
        for name in ("never answers", "ten megabytes of JSON", "chunks without end", "garbage")
    },
}


@pytest.mark.parametrize("name", STATES)
async def test_a_state_that_cannot_be_read_is_unknown_and_holds_nothing_up(
    shared: Product, vin: str, name: str
) -> None:
    shared.oem.behave(f"/vehicles/{vin}/state", STATES[name](shared))
    record = await ask(shared, vin, "start", saying(answer(200, {"state": "done"})))
    assert record["status"] == "Success"
    assert len(shared.oem.about(f"/vehicles/{vin}/state")) > 0
