"""Which credentials a definition uses, and the messages for unusable ones."""

from typing import Any

import pytest

from keyturn.connectors.accounts import CredentialUse
from keyturn.connectors.oem_http.definition.definition import parse_definition
from keyturn.connectors.oem_http.definition.derived import credential_use
from keyturn.connectors.oem_http.factory import credential_uses
from tests.connectors.configured import http_settings

SYNC: dict[str, Any] = {"mode": "sync", "send": {"path": "/lock"}, "commands": {"lock_door": {}}}
OAUTH = {"scheme": "oauth2", "token_url": "/token"}


def use(**tables: Any) -> CredentialUse:
    return credential_use(parse_definition({**SYNC, **tables}))


def test_a_bearer_definition_uses_its_token() -> None:
    assert use().problems({"token": "t-1"}) == []
    assert use().problems({}) == ["The credential 'token' is missing or empty."]
    assert use().problems({"token": ""}) == ["The credential 'token' is missing or empty."]


def test_an_oauth_definition_uses_its_client() -> None:
    assert use(auth=OAUTH).problems({"client_id": "a", "client_secret": "b c"}) == []
    assert use(auth=OAUTH).problems({"client_id": "a"}) == ["The credential 'client_secret' is missing or empty."]


@pytest.mark.parametrize(
    "tables",
    [
        {"send": {"path": "/fleets/{account.fleet}/lock"}},
        {"send": {"path": "/lock", "body": {"a": [{"b": "x {account.fleet}"}]}}},
        {"send": {"path": "/lock", "headers": {"X-Fleet": "{account.fleet}"}}},
        {"commands": {"lock_door": {"path": "/{account.fleet}"}}},
        {"state": {"path": "/{account.fleet}", "reachable": "a"}},
        {"look_up": {"path": "/{account.fleet}", "answer": "a"}},
        {"cancel": {"path": "/{account.fleet}"}},
    ],
)
def test_every_placeholder_is_a_credential(tables: dict[str, Any]) -> None:
    assert use(**tables).problems({"token": "t"}) == ["The credential 'fleet' is missing or empty."]
    assert use(**tables).problems({"token": "t", "fleet": "7"}) == []


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"token": "secret\n"}, "The credential 'token' has a line break in it; write it in one line."),
        ({"token": "sec\rret"}, "The credential 'token' has a line break in it; write it in one line."),
        ({"token": "sec\x00ret"}, "The credential 'token' has a control character in it."),
        (
            {"token": " secret"},
            "The credential 'token' goes into an HTTP header: ASCII characters, without blanks at its ends.",
        ),
        (
            {"token": "sécret"},
            "The credential 'token' goes into an HTTP header: ASCII characters, without blanks at its ends.",
        ),
        (
            {"token": "secret", "tokn": "secret"},
            "The credential 'tokn' is used nowhere in the definition; the nearest is 'token'.",
        ),
        (
            {"token": "secret", "pin": "secret"},
            "The credential 'pin' is used nowhere in the definition; used are token.",
        ),
        (
            {"token": "secret", "SECRET-as-a-name": "secret"},
            "There is a credential whose name is none: names are small letters, digits and _.",
        ),
    ],
)
def test_unusable_credential_is_named_without_its_secret(given: dict[str, str], problem: str) -> None:
    problems = use().problems(given)
    assert problems == [problem]
    assert "secret" not in problem.lower()


def test_what_does_not_go_into_a_header_may_be_in_any_language() -> None:
    anywhere = use(send={"path": "/lock", "body": {"pin": "{account.pin}"}})
    assert anywhere.problems({"token": "t", "pin": " ção "}) == []
    header = use(send={"path": "/lock", "headers": {"X-Pin": "{account.pin}"}})
    assert len(header.problems({"token": "t", "pin": " ção "})) == 1


def test_a_connector_whose_definition_cannot_be_loaded_is_left_out() -> None:
    settings = {"here": http_settings(definition="simulator"), "gone": http_settings(definition="/no/where")}
    assert credential_uses(settings).keys() == {"here"}
