"""Status URLs: relative ones are resolved against the request (RFC 3986), others need a trusted origin."""

import pytest

from keyturn.connectors.responses import OemResponse, Operation, OutcomeKind
from tests.connectors.definitions import connector
from tests.connectors.orders import order, target
from tests.support.clock import RunningClock
from tests.support.oem import Oem, answer

pytestmark = pytest.mark.anyio


async def named(oem: Oem, url: object, *, below: str = "/api/v1", **accepted: object) -> OemResponse:
    """The answer to a command sent to /api/v1/cars/car%201%2Fa/start that names this URL."""
    sender = connector(f"{oem.url}{below}", accepted={"id": "op.id", "url": "op.url", **accepted})
    oem.answer_with(answer(202, {"op": {"id": "7", "url": url}}))
    answered = await sender.send(order(RunningClock()))
    await sender.close()
    return answered


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("ops/1", "/api/v1/cars/car%201%2Fa/ops/1"),
        ("./ops/1", "/api/v1/cars/car%201%2Fa/ops/1"),
        ("../ops/1", "/api/v1/cars/ops/1"),
        ("/ops/1", "/ops/1"),
        ("?op=1", "/api/v1/cars/car%201%2Fa/start?op=1"),
        ("ops/1#now", "/api/v1/cars/car%201%2Fa/ops/1"),
    ],
)
async def test_a_relative_url_starts_from_the_request_s_own(oem: Oem, url: str, path: str) -> None:
    answered = await named(oem, url)
    assert answered.operation == Operation(id="7", url=f"{oem.url}{path}")


async def test_a_url_without_a_scheme_has_the_request_s(oem: Oem) -> None:
    answered = await named(oem, f"//localhost:{oem.port}/ops/1")
    assert answered.operation == Operation(id="7", url=f"{oem.url}/ops/1")
    assert answered.exchange is not None
    assert answered.exchange.note == ""


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://elsewhere.example/ops/1", "http://elsewhere.example is neither the connector's origin, "),
        ("ftp://localhost/1", "it is not an http or https URL"),
        ("mailto:a@b", "it is not an http or https URL"),
        (7, "it is no text of 1 to 2048 characters"),
        ("/" + "x" * 2048, "it is no text of 1 to 2048 characters"),
    ],
)
async def test_a_refused_url_says_why_in_the_exchange(oem: Oem, url: object, why: str) -> None:
    answered = await named(oem, url)
    assert (answered.kind, answered.operation) == (OutcomeKind.IN_PROGRESS, Operation(id="7"))
    assert answered.exchange is not None
    assert answered.exchange.note.startswith(f"its status URL was not used: {why}")


@pytest.mark.parametrize(
    "url", ["https://internal.oem.example:8443/ops/a%2Fb?x=1", "/ops/a%2Fb?x=1", "http://u:p@h/ops/a%2Fb?x=1"]
)
async def test_the_oem_s_path_can_be_taken_to_our_own_origin(oem: Oem, url: str) -> None:
    answered = await named(oem, url, own_origin=True)
    assert answered.operation == Operation(id="7", url=f"{oem.url}/ops/a%2Fb?x=1")
    asker = connector(f"{oem.url}/api/v1", accepted={"url": "op.url", "own_origin": True})
    assert answered.operation is not None
    await asker.get_status(target(), "start", answered.operation)
    await asker.close()
    assert oem.seen[-1].target == "/ops/a%2Fb?x=1"


async def test_a_url_that_is_not_http_is_not_taken_to_our_own_origin_either(oem: Oem) -> None:
    answered = await named(oem, "file://host/etc/passwd", own_origin=True)
    assert answered.operation == Operation(id="7")
