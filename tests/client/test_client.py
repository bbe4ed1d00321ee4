import json
import time
import uuid
from itertools import pairwise
from typing import Literal

import pytest

from keyturn_client import KeyturnClient, KeyturnError, Token, Unreachable

from ..cli.processes import Demo, keyturn

PARKED, MOVING = "9KTPARKED00000001", "9KTM0V1NG00000002"


def test_a_command_is_sent_and_followed_to_its_end(client: KeyturnClient) -> None:
    sent = client.send(PARKED, "location")
    assert (sent["vin"], sent["command"], sent["status"]) == (PARKED, "location", "Pending")
    *_, last = client.follow(sent["id"])
    assert last["status"] == "Success"
    assert client.status(sent["id"]) == last


def test_follow_yields_each_state_once(client: KeyturnClient) -> None:
    records = list(client.follow(client.send(PARKED, "location")["id"]))
    assert all(before != after for before, after in pairwise(records))
    assert [record["status"] for record in records][-1] == "Success"


def test_a_command_in_two_steps(client: KeyturnClient) -> None:
    asked = client.send(PARKED, "disable_ignition")
    assert asked["status"] == "Confirmation"
    confirmed = client.send(PARKED, "disable_ignition", code=asked["code"])
    assert (confirmed["id"], confirmed["status"]) == (asked["id"], "Pending")
    *_, last = client.follow(confirmed["id"])
    assert last["status"] == "Success"


def test_a_key_makes_repeating_safe(client: KeyturnClient) -> None:
    key = uuid.uuid4().hex
    first = client.send(PARKED, "diagnostics", idempotency_key=key)
    list(client.follow(first["id"]))
    assert client.send(PARKED, "diagnostics", idempotency_key=key)["id"] == first["id"]


@pytest.mark.parametrize("signing", ["v1", "v2"])
def test_reason_and_case_travel_in_any_language(demo: Demo, signing: Literal["v1", "v2"]) -> None:
    company = demo.told["companies"][0]
    given = [company[name] for name in ("client_id", "client_secret", "sign_secret")]
    with KeyturnClient(demo.told["url"], *given, signing=signing) as client:
        why = {"reason": "missing; notícia", "case": "77/ã %"}
        asked = client.send("9KTRENTED00000022", "disable_ignition", **why)
        sent = client.send("9KTRENTED00000022", "disable_ignition", code=asked["code"], **why)
        *_, last = client.follow(sent["id"])
    assert last["status"] == "Success"
    shown = keyturn("status", sent["id"], "--timeline", "--json", "--data", demo.data)
    details = json.loads(shown.stdout)
    assert (details["reason"], details["case_number"]) == ("missing; notícia", "77/ã %")


def test_a_refusal_before_a_command_is_registered(client: KeyturnClient) -> None:
    with pytest.raises(KeyturnError, match=r"VIN not found or unauthorized access\. \(HTTP 404\)") as refused:
        client.send("9KT0THER000000025", "location")
    assert (refused.value.http_status, refused.value.record) == (404, None)


def test_a_refusal_of_a_registered_command_has_its_record(client: KeyturnClient) -> None:
    with pytest.raises(KeyturnError) as refused:
        client.send("9KT0EM50000000013", "start")
    assert refused.value.detail == "Failed to send command to the OEM."
    assert refused.value.record is not None
    assert client.status(refused.value.record["id"])["status"] == "Error"


@pytest.mark.parametrize("command_id", ["none", "../token", "a b", "x?wait=1"])
def test_an_id_that_no_command_has(client: KeyturnClient, command_id: str) -> None:
    with pytest.raises(KeyturnError, match=r"Command not found or unauthorized access\.") as refused:
        client.status(command_id)
    assert refused.value.http_status == 404


def test_a_token_is_used_again(client: KeyturnClient) -> None:
    token = client.token()
    client.send(PARKED, "location")
    assert client.token() == token


def test_a_token_that_was_ended_is_replaced(demo: Demo) -> None:
    company = demo.told["companies"][0]
    ended = Token("no-longer-good", time.time(), 3600)
    with KeyturnClient(
        demo.told["url"], company["client_id"], company["client_secret"], company["sign_secret"], token=ended
    ) as client:
        assert client.send(PARKED, "location")["status"] == "Pending"
        assert client.token() != ended


def test_a_token_is_fresh_for_half_of_its_life() -> None:
    token = Token("value", issued_at=1000, lifetime=600)
    assert [token.is_fresh(now) for now in (999, 1000, 1299, 1300)] == [False, True, True, False]


def test_wrong_credentials(demo: Demo) -> None:
    client = KeyturnClient(demo.told["url"], "nobody", "nothing", "nothing")
    with client, pytest.raises(KeyturnError) as refused:
        client.send(PARKED, "location")
    assert (refused.value.http_status, refused.value.detail) == (401, "Invalid credentials.")


def test_client_reports_an_unreachable_server() -> None:
    with KeyturnClient("http://127.0.0.1:9", "id", "secret", "secret") as client, pytest.raises(Unreachable):
        client.send(PARKED, "location")


@pytest.mark.parametrize("url", ["not a url", "ftp://127.0.0.1", "http://127.0.0.1:x"])
def test_client_reports_an_invalid_url_as_unreachable(url: str) -> None:
    with KeyturnClient(url, "id", "secret", "secret") as client, pytest.raises(Unreachable):
        client.status("none")


def test_a_server_that_is_not_keyturn(demo: Demo) -> None:
    client = KeyturnClient(demo.told["oem_url"], "id", "secret", "secret")
    with client, pytest.raises(KeyturnError, match="did not answer like Keyturn"):
        client.send(PARKED, "location")


def test_requests_to_this_machine_ignore_proxies(demo: Demo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    company = demo.told["companies"][0]
    with KeyturnClient(demo.told["url"], company["client_id"], company["client_secret"], "unused") as client:
        assert client.token().lifetime == 3600


def test_secrets_are_not_printed(demo: Demo, client: KeyturnClient) -> None:
    company = demo.told["companies"][0]
    printed = f"{client!r} {client.token()!r}"
    for secret in (company["client_secret"], company["sign_secret"], client.token().value):
        assert secret not in printed
