"""Requests built from definitions, and their log in the timeline."""

from urllib.parse import quote

import pytest

from keyturn.clock import SECOND, iso_time
from keyturn.connectors.port import Target
from keyturn.connectors.responses import Operation, OutcomeKind
from tests.support.clock import RunningClock
from tests.support.oem import Oem, answer

from .definitions import connector
from .orders import account, order, target

pytestmark = pytest.mark.anyio

TAKEN = answer(202, {"op": {"id": "7"}})


async def test_placeholders_are_filled_in_path_headers_and_body(oem: Oem) -> None:
    oem.answer_with(TAKEN)
    body = {
        "who": "{vehicle.vin}/{vehicle.external_id}",
        "until": ["{command.expires_at}", "{command.expires_at_s}", {"ms": "{command.expires_at_ms}"}],
        "fixed": 3,
    }
    path = "/f/{account.fleet}/{vehicle.external_id}?c={command.name}&id={command.id}"
    sender = connector(
        oem.url,
        send={
            "path": path,
            "headers": {"X-Ref": "{command.id}"},
            "body": body,
            "idempotency_header": "Idempotency-Key",
        },
        commands={"start": {"name": "ENGINE/ON"}},
    )
    sent = order(RunningClock(), at=target(account(token="abc", fleet="ä & co")))
    await sender.send(sent)
    await sender.close()
    seen = oem.seen[0]
    assert seen.target == f"/f/%C3%A4%20%26%20co/car%201%2Fa?c=ENGINE%2FON&id={sent.command_id}"
    assert (seen.headers["x-ref"], seen.headers["idempotency-key"]) == (sent.command_id, sent.command_id)
    assert seen.headers["content-type"] == "application/json"
    seconds, milliseconds = sent.expires_at // SECOND, sent.expires_at // 1000
    assert seen.json == {
        "who": "9KTPARKED00000001/car 1/a",
        "until": [iso_time(sent.expires_at), seconds, {"ms": milliseconds}],
        "fixed": 3,
    }


async def test_a_command_can_have_its_own_method_path_and_body(oem: Oem) -> None:
    oem.answer_with(TAKEN)
    own = {"method": "PUT", "path": "/own/{vehicle.vin}", "body": {"lock": True}, "headers": {"X-B": "2"}}
    general = {"path": "/cars", "body": {"ref": "{command.id}"}, "headers": {"X-A": "1", "X-B": "1"}}
    sender = connector(oem.url, send=general, commands={"start": {}, "lock_door": own})
    await sender.send(order(RunningClock(), "start"))
    await sender.send(order(RunningClock(), "lock_door"))
    await sender.close()
    assert [(seen.method, seen.target) for seen in oem.seen] == [("POST", "/cars"), ("PUT", "/own/9KTPARKED00000001")]
    assert [(seen.headers["x-a"], seen.headers["x-b"]) for seen in oem.seen] == [("1", "1"), ("1", "2")]
    assert oem.seen[1].json == {"lock": True}


async def test_a_base_path_stays_before_every_path(oem: Oem) -> None:
    oem.answer_with(TAKEN)
    sender = connector(f"{oem.url}/api/v1/")
    await sender.send(order(RunningClock(), "lock_door"))
    await sender.get_status(target(), "lock_door", Operation(id="7"))
    await sender.close()
    assert [seen.target for seen in oem.seen] == ["/api/v1/cars/car%201%2Fa/lock_door", "/api/v1/ops/7"]


@pytest.mark.parametrize("external_id", ["", ".", ".."])
async def test_a_vehicle_id_that_would_change_the_path_is_not_sent(oem: Oem, external_id: str) -> None:
    sender = connector(oem.url)
    at = Target(account(), "9KTPARKED00000001", external_id)
    answered = await sender.send(order(RunningClock(), at=at))
    assert await sender.read_report(at) is None
    await sender.close()
    assert (answered.kind, answered.temporary) == (OutcomeKind.NOT_TAKEN, False)
    assert oem.seen == []


async def test_a_credential_that_breaks_the_header_is_not_sent(oem: Oem) -> None:
    sender = connector(oem.url)
    answered = await sender.send(order(RunningClock(), at=target(account(token="a\r\nX-Evil: 1"))))
    await sender.close()
    assert (answered.kind, answered.temporary) == (OutcomeKind.NOT_TAKEN, False)
    assert oem.seen == []


async def test_cookies_of_one_account_do_not_go_with_another(oem: Oem) -> None:
    oem.answer_with(answer(202, {"op": {"id": "7"}}, Set_Cookie="session=of-one; Path=/"))
    sender = connector(oem.url)
    for name in ("one", "two"):
        await sender.send(order(RunningClock(), at=target(account(token=name))))
    await sender.close()
    assert "cookie" not in oem.seen[1].headers


async def test_the_record_has_the_request_the_time_and_the_start_of_the_answer(oem: Oem) -> None:
    oem.answer_with(answer(502, "bad gateway\x00 " + "x" * 600))
    clock = RunningClock()
    sender = connector(oem.url, clock=clock)
    before = clock.now()
    record = (await sender.send(order(clock))).exchange
    await sender.close()
    assert record is not None
    assert (record.request, record.status) == ("POST /cars/car%201%2Fa/start", 502)
    assert before <= record.at <= clock.now()
    assert record.duration_ms >= 0
    assert record.answer.startswith("bad gateway\N{REPLACEMENT CHARACTER} xxx")
    assert len(record.answer) == 500


async def test_secrets_are_masked_in_every_form_in_which_they_come_back(oem: Oem) -> None:
    secret = 'p"a ss/wörd'
    echoes = [secret, quote(secret, safe=""), quote(secret), '"p\\"a ss/w\\u00f6rd"', "the-token"]
    oem.answer_with(answer(502, " | ".join(echoes)))
    sender = connector(oem.url, send={"path": "/cars?key={account.key}", "body": {}})
    owner = account(token="the-token", key=secret)
    record = (await sender.send(order(RunningClock(), at=target(owner)))).exchange
    await sender.close()
    assert record is not None
    assert record.request == "POST /cars?key=***"
    assert record.answer == '*** | *** | *** | "***" | ***'


async def test_a_fetched_token_is_masked(oem: Oem) -> None:
    oem.answer_with(answer(200, {"access_token": "fetched-token"}), answer(502, "you sent fetched-token"))
    sender = connector(oem.url, auth={"scheme": "oauth2", "token_url": "/token"})
    owner = account(client_id="an-id", client_secret="a-secret")
    record = (await sender.send(order(RunningClock(), at=target(owner)))).exchange
    await sender.close()
    assert record is not None
    assert record.answer == "you sent ***"
