"""Placeholders in expressions are replaced by values, as data; other names in braces are refused at parsing."""

from typing import Any

import pytest

from keyturn.connectors.oem_http.definition.document import DefinitionError
from keyturn.connectors.oem_http.definition.queries import Query
from keyturn.connectors.port import Target
from keyturn.connectors.responses import Operation, OutcomeKind
from tests.support.clock import RunningClock
from tests.support.oem import Ending, Oem, answer

from .definitions import OPERATION, SYNC, connector, definition
from .orders import account, order, target

pytestmark = pytest.mark.anyio

EVERYBODY = {"resMsg": [{"recordId": "other-9", "result": "success"}, {"recordId": "mine-1", "result": "fail"}]}
OURS = "resMsg[?recordId=='{operation.id}'].result | [0]"
RESULT = {"state": OURS, "succeeded": ["success"], "failed": ["fail"]}


async def asked(oem: Oem, ending: Ending, id_: str, **changes: Any) -> OutcomeKind:
    asker = connector(oem.url, **changes)
    oem.answer_with(ending)
    answered = await asker.get_status(target(), "lock_door", Operation(id=id_))
    await asker.close()
    return answered.kind


async def test_the_outcome_is_found_in_a_list_of_everybody_s_operations(oem: Oem) -> None:
    assert await asked(oem, answer(200, EVERYBODY), "mine-1", result=RESULT) is OutcomeKind.FAILED
    assert await asked(oem, answer(200, EVERYBODY), "other-9", result=RESULT) is OutcomeKind.SUCCEEDED
    assert await asked(oem, answer(200, EVERYBODY), "third", result=RESULT) is OutcomeKind.IN_PROGRESS


@pytest.mark.parametrize(
    "id_", ["it's", "x' || 'success", "a`b", 'a"b', "a\\b", "{vehicle.vin}", "placeholder_0_", "ü"]
)
async def test_an_id_is_data_whatever_it_holds(oem: Oem, id_: str) -> None:
    mine = {"resMsg": [{"recordId": "other", "result": "success"}, {"recordId": id_, "result": "fail"}]}
    assert await asked(oem, answer(200, mine), id_, result=RESULT) is OutcomeKind.FAILED
    others = {"resMsg": [{"recordId": "other", "result": "success"}]}
    assert await asked(oem, answer(200, others), id_, result=RESULT) is OutcomeKind.IN_PROGRESS


@pytest.mark.parametrize(
    "state",
    [
        "resMsg[?recordId=='{operation.id}'].result | [0]",
        "resMsg[?recordId=={operation.id}].result | [0]",
        'resMsg[?recordId==`"{operation.id}"`].result | [0]',
        "resMsg[?contains([{operation.id}], recordId)].result | [0]",
        "resMsg[?ends_with(join('/', ['x', recordId]), '/{operation.id}')].result | [0]",
        "byId.{operation.id}.result",
        'byId."{operation.id}".result',
        "not_null(byId.{operation.id}, none).result",
    ],
)
async def test_a_placeholder_may_stand_for_a_text_a_value_or_a_key(oem: Oem, state: str) -> None:
    body = {**EVERYBODY, "byId": {"mine-1": {"result": "fail"}, "other-9": {"result": "success"}}}
    assert await asked(oem, answer(200, body), "mine-1", result={**RESULT, "state": state}) is OutcomeKind.FAILED


async def test_the_first_answer_knows_the_command_and_the_vehicle(oem: Oem) -> None:
    accepted = {"id": "jobs[?ref=='{command.id}' && car=='{vehicle.external_id}' && what=='{command.name}'].id | [0]"}
    sender = connector(oem.url, accepted=accepted, commands={"start": {"name": "ENGINE"}})
    sent = order(RunningClock())
    job = {"ref": sent.command_id, "car": "car 1/a", "what": "ENGINE", "id": "ours"}
    oem.answer_with(answer(202, {"jobs": [{**job, "ref": "another", "id": "not ours"}, job]}))
    answered = await sender.send(sent)
    await sender.close()
    assert answered.operation == Operation(id="ours")


async def test_a_first_answer_that_may_be_final_knows_its_own_operation(oem: Oem) -> None:
    accepted = {"id": "mine", "state": "resMsg[?recordId=='{operation.id}'].result | [0]"}
    sender = connector(oem.url, accepted=accepted, result=RESULT)
    oem.answer_with(answer(200, {"mine": "mine-1", **EVERYBODY}))
    answered = await sender.send(order(RunningClock()))
    await sender.close()
    assert answered.kind is OutcomeKind.FAILED


async def test_a_number_stays_a_number(oem: Oem) -> None:
    result = {**SYNC["result"], "state": "slots[?until=={command.expires_at_s}].state | [0]"}
    sender, sent = connector(oem.url, SYNC, result=result), order(RunningClock())
    oem.answer_with(
        answer(200, {"slots": [{"until": 1, "state": "failed"}, {"until": sent.expires_at // 10**6, "state": "done"}]})
    )
    answered = await sender.send(sent)
    await sender.close()
    assert answered.kind is OutcomeKind.SUCCEEDED


async def test_a_look_up_and_a_cancel_find_ours(oem: Oem) -> None:
    found = {"found": [{"ref": "x", "id": "1", "state": "done"}, {"ref": "our-id", "id": "2", "state": "failed"}]}
    look_up = {"path": "/ops", "answer": "{op: found[?ref=='{command.id}'] | [0]}"}
    cancel = {"path": "/ops/cancel", "answer": "{op: found[?id=='{operation.id}'] | [0]}"}
    asker = connector(oem.url, look_up=look_up, cancel=cancel)
    oem.answer_with(answer(200, found))
    looked_up = await asker.find_by_reference(target(), "start", "our-id")
    cancelled = await asker.cancel(target(), Operation(id="2"))
    await asker.close()
    assert (looked_up.kind, looked_up.operation) == (OutcomeKind.FAILED, Operation(id="2"))
    assert cancelled.kind is OutcomeKind.FAILED


async def test_state_is_found_in_a_list_of_the_account_s_vehicles(oem: Oem) -> None:
    cars = "fleets.{account.fleet}[?vin=='{vehicle.vin}'] | [0]"
    state = {
        "path": "/cars",
        "value": f"({cars}).{{name}}",
        "signals": {"speed": {}, "odometer": {"value": f"({cars}).km.{{name}}"}},
    }
    reader = connector(oem.url, state=state)
    at = Target(account(token="t", fleet="north'1"), "VIN'2", "x")
    listed = [{"vin": "VIN1", "speed": 90}, {"vin": "VIN'2", "speed": 3, "km": {"odometer": 7}}]
    oem.answer_with(answer(200, {"fleets": {"north'1": listed}}))
    report = await reader.read_report(at)
    await reader.close()
    assert report is not None
    assert {name: reading.value for name, reading in report.readings.items()} == {"speed": 3, "odometer": 7}


VEHICLE = "vehicle.external_id, vehicle.vin, account.<key>"
STATE = OPERATION["state"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"result": {**RESULT, "state": "a[?b=='{operation}']"}},
            "result.state: {operation} has no value here; allowed are ",
        ),
        ({"result": {**RESULT, "data": "a.'{names}'"}}, "result.data: not JMESPath"),
        ({"result": {**RESULT, "data": "a[?b=='{nmae}']"}}, "result.data: {nmae} has no value here; allowed are "),
        ({"result": {**RESULT, "state": "a[?b=='{a: b}']"}}, "result.state: {a: b} has no value here; allowed are "),
        (
            {"accepted": {"id": "'{operation.id}'"}},
            "accepted.id: {operation.id} has no value here; allowed are command.expires_at",
        ),
        ({"accepted": {"id": "id", "url": "'{}'"}}, "accepted.url: {} has no value here"),
        (
            {"cancel": {"answer": "a[?b=={command.id}]"}},
            f"cancel.answer: {{command.id}} has no value here; allowed are operation.id, {VEHICLE}",
        ),
        (
            {"look_up": {"path": "/", "answer": "'{operation.id}'"}},
            "look_up.answer: {operation.id} has no value here; allowed are command.id, ",
        ),
        (
            {"state": {**STATE, "reachable": "a=='{command.id}'"}},
            f"state.reachable: {{command.id}} has no value here; allowed are {VEHICLE}",
        ),
        (
            {"state": {**STATE, "last_contact": "at.{name}"}},
            f"state.last_contact: {{name}} has no value here; allowed are {VEHICLE}",
        ),
        (
            {"state": {**STATE, "as_of": {"value": "a.{nom}"}}},
            f"state.as_of: {{nom}} has no value here; allowed are {VEHICLE}",
        ),
        (
            {"state": {**STATE, "signals": {"speed": {"value": "{vin}"}}}},
            f"state.signals.speed.value: {{vin}} has no value here; allowed are {VEHICLE}",
        ),
        (
            {"commands": {"start": {"data": {"x": {"value": "a.{y}"}}}}},
            "commands.start.data.x.value: {y} has no value here; allowed are ",
        ),
        (
            {"accepted": {"url": "url"}, "result": RESULT, "cancel": None, "look_up": None},
            f"result.state: {{operation.id}} has no value here; allowed are command.name, {VEHICLE}",
        ),
        (
            {"mode": "sync", "result": RESULT, "accepted": {}, "look_up": None, "cancel": None},
            "result.state: {operation.id} has no value here; allowed are command.expires_at, ",
        ),
        (
            {"auth": {"scheme": "oauth2", "token_url": "/t", "token": "a.{vehicle.vin}"}},
            "auth: {vehicle.vin} has no value here; allowed are account.<key>",
        ),
        (
            {"auth": {"scheme": "oauth2", "token_url": "/t", "parameters": {"x": "{command.id}"}}},
            "auth: {command.id} has no value here; allowed are account.<key>",
        ),
        (
            {"auth": {"scheme": "oauth2", "token_url": "/t", "parameters": {"x": "{secret}"}}},
            "auth.parameters: no placeholder {secret}; allowed are ",
        ),
        ({"auth": {"prefix": "Bearer {account.x}"}}, "auth.prefix: no placeholder {account.x}; none is allowed here"),
        (
            {"commands": {"start": {"name": "{command.id}"}}},
            "commands.start.name: no placeholder {command.id}; none is allowed here",
        ),
        (
            {"send": {"path": "/", "idempotency_header": "X-{command.id}"}},
            "send.idempotency_header: no placeholder {command.id}; none",
        ),
        ({"send": {"path": "/", "body": {"{vin}": 1}}}, "send.body: no placeholder {vin}; allowed are "),
        (
            {"base_url": "https://oem.example/{tenant}"},
            "base_url: expected http(s)://host[:port][/path] and nothing more",
        ),
        ({"errors": {"X": {"text": "Code {code}."}}}, "errors.X.text: no placeholder {code}; none is allowed here"),
    ],
)
def test_what_stands_in_braces_and_is_no_placeholder_there_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(DefinitionError) as refused:
        definition(**changes)
    assert str(refused.value).startswith(message)


def test_json_and_hashes_in_an_expression_are_no_placeholders() -> None:
    document = {"a": [1], "text": "x"}
    assert Query("{first: a[0], second: text}").of(document) == {"first": 1, "second": "x"}
    assert Query('none || `{"k": {"l": []}}`').of(document) == {"k": {"l": []}}
    assert Query("none || `{}`").of(document) == {}


def test_a_placeholder_without_a_value_finds_nothing() -> None:
    query = Query("ops[?id=='{operation.id}'] | [0]")
    assert query.of({"ops": [{"id": "{operation.id}"}]}) is None
    assert query.of({"ops": [{"id": "7"}]}, {"operation.id": "7"}) == {"id": "7"}


async def test_a_body_s_keys_may_hold_placeholders(oem: Oem) -> None:
    sender = connector(oem.url, send={"path": "/", "body": {"{vehicle.vin}": {"on": True}}})
    oem.answer_with(answer(202, {"op": {"id": "7"}}))
    await sender.send(order(RunningClock()))
    await sender.close()
    assert oem.seen[0].json == {"9KTPARKED00000001": {"on": True}}
