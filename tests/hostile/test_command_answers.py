"""A command meets an OEM that means no good: it arrives once, and its record says what can be known."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from tests.hostile.hostile_oem import Behaviour, answer, saying

from .behaviours import NO_WHOLE_ANSWER
from .product import TOKEN, Product

pytestmark = pytest.mark.anyio

UNKNOWN = "Outcome unknown. The vehicle may have executed the command."
NO_OPERATION = "Failed to initiate command with the OEM or retrieve status URL."
NOT_SENT = "Failed to send command to the OEM."
DEEP = b'{"id": ' + b"[" * 20_000 + b"]" * 20_000 + b"}"

Posted = tuple[int, dict[str, Any]]
"""The POST's code and body."""
Made = Callable[[Product], Behaviour]
"""A behaviour that knows where else there is."""


def elsewhere(status: int, path: str = "/take") -> Made:
    return lambda product: saying(answer(status, {}, f"Location: {product.elsewhere.url}{path}"))


def document(made: Callable[[Product], object]) -> Made:
    return lambda product: saying(answer(202, made(product)))


REDIRECTS: dict[str, Made] = {
    **{f"{status} to another origin": elsewhere(status) for status in (301, 302, 303, 307, 308)},
    "307 to itself": lambda product: saying(answer(307, {}, "Location: ?again")),
    "307 with an operation": lambda product: saying(
        answer(307, {"id": "op-1"}, f"Location: {product.elsewhere.url}/take")
    ),
}
NO_USABLE_OPERATION: dict[str, Made] = {
    "rubbish": document(lambda _: b"<html>welcome</html>"),
    "nothing": document(lambda _: b""),
    "no UTF-8": document(lambda _: b'{"id": "\xff\xfe"}'),
    "JSON that is too deep": document(lambda _: DEEP),
    "an id that is a document": document(lambda _: {"id": {"url": "/"}}),
    "an id without end": document(lambda _: {"id": "x" * 60_000}),
    "an id that is a path upwards": document(lambda _: {"id": ".."}),
    "packed": lambda _: saying(answer(202, b"\x1f\x8b\x08 no gzip", "Content-Encoding: gzip")),
    "a status URL of another origin": document(lambda product: {"url": f"{product.elsewhere.url}/operations/1"}),
    "a status URL of another scheme": document(lambda product: {"url": product.oem.url.replace("http", "https")}),
    "a status URL with an account": document(lambda product: {"url": product.oem.url.replace("//", "//a:b@") + "/1"}),
    "a status URL that is a file": document(lambda _: {"url": "file:///etc/passwd"}),
    "a status URL that is none": document(lambda _: {"url": "http://[/"}),
    "an echo of the token": document(lambda _: f"Bearer {TOKEN}".encode()),
}


async def posted_to(product: Product, vin: str, behaviour: Behaviour, command: str = "alert") -> Posted:
    """Another vehicle's command succeeded while this one was under way."""
    await product.meets(vin, behaviour)
    posting = asyncio.create_task(product.send(vin, command))
    await product.oem.until_about(f"/vehicles/{vin}/commands/")
    await product.still_serves()
    posted = await posting
    assert len(product.oem.commands(vin)) == 1
    return posted.code, posted.body


@pytest.mark.parametrize("command", ["alert", "lock_door"])
@pytest.mark.parametrize("name", NO_WHOLE_ANSWER)
async def test_without_a_whole_answer_the_outcome_is_unknown(
    shared: Product, vin: str, name: str, command: str
) -> None:
    code, body = await posted_to(shared, vin, NO_WHOLE_ANSWER[name], command)
    assert (code, body["status"]) == (200, "Pending")
    record = await shared.get(body["id"])
    assert (record["status"], record["detail"]) == ("Error", UNKNOWN)
    assert len(shared.oem.commands(vin)) == 1
    shared.assert_kept_to_itself()


@pytest.mark.parametrize("name", REDIRECTS)
async def test_a_redirect_is_not_followed(shared: Product, vin: str, name: str) -> None:
    code, body = await posted_to(shared, vin, REDIRECTS[name](shared))
    assert (code, body["status"]) == (200, "Pending")
    record = await shared.get(body["id"])
    assert (record["status"], record["detail"]) == ("Error", UNKNOWN)
    assert len(shared.oem.commands(vin)) == 1
    shared.assert_kept_to_itself()


@pytest.mark.parametrize("name", NO_USABLE_OPERATION)
async def test_without_a_usable_operation_the_command_fails_and_may_have_happened(
    shared: Product, vin: str, name: str
) -> None:
    code, body = await posted_to(shared, vin, NO_USABLE_OPERATION[name](shared))
    assert (code, body["status"], body["detail"]) == (502, "Error", NO_OPERATION)
    assert body.keys() == {"id", "vin", "command", "status", "created", "detail"}
    record = await shared.get(body["id"])
    assert (record["status"], record["detail"]) == ("Error", f"{NO_OPERATION} The vehicle may have executed it.")
    assert len(shared.oem.commands(vin)) == 1
    shared.assert_kept_to_itself()


@pytest.mark.parametrize("pause", ["999999999999", "-1", "1e308", "Fri, 31 Dec 9999 23:59:59 GMT", "soon", "\u00b2"])
async def test_whatever_pause_the_oem_asks_for_the_post_ends(shared: Product, vin: str, pause: str) -> None:
    await shared.meets(vin, saying(answer(503, {}, f"Retry-After: {pause}")))
    posted = await shared.send(vin)
    assert (posted.code, posted.body["detail"]) == (502, NOT_SENT)
    record = await shared.get(posted.body["id"])
    assert (record["status"], record["detail"]) == ("Error", NOT_SENT)
    await shared.still_serves()
