"""Operations named by a header alone, outcomes by the HTTP status alone, and responses without a body."""

from typing import Any

import pytest

from keyturn.connectors.oem_http.definition.document import DefinitionError
from keyturn.connectors.responses import OemResponse, Operation, OutcomeKind
from tests.connectors.definitions import OPERATION, SYNC, connector, definition
from tests.connectors.orders import order, target
from tests.support.clock import RunningClock
from tests.support.oem import Ending, Oem, answer

pytestmark = pytest.mark.anyio

STATUS_ONLY = {"succeeded_by_status": [200], "failed_by_status": [410], "error_code": "code"}


async def sent(oem: Oem, ending: Ending, base: dict[str, Any] = OPERATION, **changes: Any) -> OemResponse:
    sender = connector(oem.url, base, **changes)
    oem.answer_with(ending)
    answered = await sender.send(order(RunningClock()))
    await sender.close()
    return answered


async def asked(oem: Oem, ending: Ending, **changes: Any) -> OemResponse:
    asker = connector(oem.url, **changes)
    oem.answer_with(ending)
    answered = await asker.get_status(target(), "start", Operation(id="7"))
    await asker.close()
    return answered


async def test_an_operation_is_named_by_the_location_alone(oem: Oem) -> None:
    answered = await sent(oem, answer(202, "", Location="/ops/7?x=1"), accepted={"url_header": "Location"}, status={})
    assert (answered.kind, answered.operation) == (OutcomeKind.IN_PROGRESS, Operation(url=f"{oem.url}/ops/7?x=1"))


@pytest.mark.parametrize("name", ["X-Operation-Id", "x-operation-id"])
async def test_an_operation_is_named_by_an_id_in_a_header(oem: Oem, name: str) -> None:
    ending = answer(202, "", X_Operation_Id="a/7")
    answered = await sent(oem, ending, accepted={"id_header": name})
    assert (answered.kind, answered.operation) == (OutcomeKind.IN_PROGRESS, Operation(id="a/7"))


async def test_the_body_s_own_word_comes_before_the_header(oem: Oem) -> None:
    ending = answer(202, {"op": {"id": "body"}}, X_Id="header")
    answered = await sent(oem, ending, accepted={"id": "op.id", "id_header": "X-Id"})
    assert answered.operation == Operation(id="body")


async def test_without_the_header_there_is_no_operation(oem: Oem) -> None:
    answered = await sent(oem, answer(202, ""), accepted={"url_header": "Location", "id_header": "X-Id"})
    assert answered.kind is OutcomeKind.NO_OPERATION


async def test_a_location_elsewhere_is_not_called_and_the_record_says_why(oem: Oem) -> None:
    ending = answer(202, "", Location="https://evil.example/ops/7")
    answered = await sent(oem, ending, accepted={"url_header": "Location"}, status={})
    assert answered.kind is OutcomeKind.NO_OPERATION
    assert answered.exchange is not None
    assert "https://evil.example is neither the connector's origin" in answered.exchange.note


@pytest.mark.parametrize(
    ("ending", "verdict"),
    [
        (answer(202, ""), OutcomeKind.IN_PROGRESS),
        (answer(202, "<html>"), OutcomeKind.IN_PROGRESS),
        (answer(202, {}), OutcomeKind.IN_PROGRESS),
        (answer(200, ""), OutcomeKind.SUCCEEDED),
        (answer(200, {"anything": 1}), OutcomeKind.SUCCEEDED),
        (answer(200, {"code": "MOVING"}), OutcomeKind.REFUSED),
        (answer(200, {"code": "NEW"}), OutcomeKind.IN_PROGRESS),
        (answer(410, ""), OutcomeKind.FAILED),
        (answer(410, {"code": "MOVING"}), OutcomeKind.REFUSED),
        (answer(500, ""), OutcomeKind.NOTHING_FOUND),
        (answer(302, "", Location="/"), OutcomeKind.NOTHING_FOUND),
    ],
)
async def test_done_is_told_by_the_status_alone(oem: Oem, ending: Ending, verdict: OutcomeKind) -> None:
    assert (await asked(oem, ending, result=STATUS_ONLY)).kind is verdict


async def test_the_first_answer_is_not_done_by_its_status(oem: Oem) -> None:
    answered = await sent(oem, answer(200, {"op": {"id": "7"}}), result=STATUS_ONLY)
    assert answered.kind is OutcomeKind.IN_PROGRESS


async def test_a_word_comes_before_the_status(oem: Oem) -> None:
    result = {**OPERATION["result"], "succeeded_by_status": [200]}
    meanings = {"working": OutcomeKind.IN_PROGRESS, "failed": OutcomeKind.FAILED, "done": OutcomeKind.SUCCEEDED}
    for word, verdict in meanings.items():
        assert (await asked(oem, answer(200, {"op": {"state": word}}), result=result)).kind is verdict
    assert (await asked(oem, answer(200, ""), result=result)).kind is OutcomeKind.SUCCEEDED


async def test_an_answer_that_is_the_result_is_done_by_the_listed_status_alone(oem: Oem) -> None:
    result = {"succeeded_by_status": [204]}
    assert (await sent(oem, answer(204, ""), SYNC, result=result)).kind is OutcomeKind.SUCCEEDED
    assert (await sent(oem, answer(202, ""), SYNC, result=result)).kind is OutcomeKind.NO_OPERATION


@pytest.mark.parametrize(
    ("means", "verdict"),
    [("not_taken", OutcomeKind.NOT_TAKEN), ("failed", OutcomeKind.FAILED), ("already_done", OutcomeKind.SUCCEEDED)],
)
@pytest.mark.parametrize("status", [200, 204, 404, 500])
async def test_the_table_may_name_any_status_alone(oem: Oem, status: int, means: str, verdict: OutcomeKind) -> None:
    listed = [{"status": [status], "means": means}]
    assert (await sent(oem, answer(status, ""), answers=listed)).kind is verdict


async def test_a_header_of_a_command_replaces_the_general_one_whatever_its_case(oem: Oem) -> None:
    send = {"path": "/", "headers": {"Content-Type": "application/vnd.general+json", "X-A": "1"}, "body": {}}
    own = {"headers": {"content-type": "application/vnd.own+json"}}
    await sent(oem, answer(202, ""), send=send, commands={"start": own})
    await sent(oem, answer(202, ""), send=send, commands={"start": {}})
    assert [seen.headers["content-type"] for seen in oem.seen] == [
        "application/vnd.own+json",
        "application/vnd.general+json",
    ]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"accepted": {"id_header": "X-Id"}, "status": {}}, "mode operation needs accepted.url, or accepted.id with"),
        (
            {"result": {"succeeded_by_status": [200], "failed_by_status": [200]}},
            "result: 200 cannot mean success and failure",
        ),
        (
            {"result": {"failed_by_status": [410]}},
            "result.state must be given in mode operation, or result.succeeded_by",
        ),
    ],
)
def test_a_definition_that_leaves_the_way_open_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(DefinitionError) as refused:
        definition(**changes)
    assert str(refused.value).startswith(message)
