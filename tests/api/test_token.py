from urllib.parse import urlencode

import pytest

from keyturn.config.settings import LimitSettings, ServerSettings
from tests.support.api_env import ApiEnv, open_api

from .caller import Reply

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
SECRET = "opened, sesame & more"
INVALID = {"detail": "Invalid credentials."}


def ask(env: ApiEnv, fields: dict[str, str], **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return env.call("POST", "/token", urlencode(fields).encode(), FORM | named)


@pytest.mark.parametrize(
    "fields",
    [
        {"client_id": "rental", "client_secret": SECRET},
        {"username": "rental", "password": SECRET},
        {"grant_type": "password", "username": "rental", "password": SECRET, "scope": ""},
        {"client_id": "rental", "client_secret": SECRET, "username": "x"},
        {"client_id": "x", "username": "rental", "password": SECRET},
    ],
)
def test_credentials_become_a_token(env: ApiEnv, fields: dict[str, str]) -> None:
    reply = ask(env, fields)
    assert (reply.status, reply.json) == (200, {"token": "right", "expiration": 3600})
    assert reply.headers["cache-control"] == "no-store"
    reply = env.call("POST", "/token/", urlencode(fields).encode(), {"Content-Type": "text/plain; charset=utf-16"})
    assert reply.status == 200


@pytest.mark.parametrize(
    "sent",
    [
        b"", b"&&&", b"client_id=rental", b"client_secret=x", b"client_id=rental&client_secret=", b"\xff\xfe",
        b"client_id=rental&client_secret=%ff", b"client_id=%00&client_secret=%00", b'{"client_id":"rental"}',
        b"client_id=rental&client_id=rental&client_secret=opened%2C+sesame+%26+more",
        b"client_id=rental&password=opened%2C+sesame+%26+more", b"client_id=rental&client_secret=%ed%a0%80",
    ],
)  # fmt: skip
def test_wrong_or_missing_credentials(env: ApiEnv, sent: bytes) -> None:
    reply = env.call("POST", "/token", sent, FORM)
    assert (reply.status, reply.json) == (401, INVALID)


def test_the_body_limit_holds_here_too(env: ApiEnv) -> None:
    reply = env.call("POST", "/token", b"client_id=" + b"a" * 20000, FORM)
    assert (reply.status, reply.json) == (413, {"detail": "Request body too large."})


def test_an_address_that_fails_at_many_ids_hears_429_and_who_is_right_there_is_served() -> None:
    right = {"client_id": "rental", "client_secret": SECRET}
    with open_api(limits=LimitSettings(failed_attempts_per_minute=2)) as env:
        heard = [ask(env, {"client_id": f"id {n}", "client_secret": "x"}).status for n in range(25)]
        assert heard == [401] * 20 + [429] * 5
        assert ask(env, {"client_id": "another", "client_secret": "x"}).headers["retry-after"] == "60"
        assert ask(env, right).status == 200
        env.clock.advance(60)
        assert ask(env, {"client_id": "another", "client_secret": "x"}).status == 401


def test_a_pair_trips_behind_a_tripped_address_too() -> None:
    """Else the difference between 429 and 200 would answer guesses without end."""
    right = {"client_id": "rental", "client_secret": SECRET}
    with open_api(limits=LimitSettings(failed_attempts_per_minute=2)) as env:
        for n in range(20):
            ask(env, {"client_id": f"id {n}", "client_secret": "x"})
        assert [ask(env, right | {"client_secret": "x"}).status for _ in range(2)] == [429, 429]
        assert ask(env, right).status == 429


def test_a_tripped_pair_waits_even_with_the_right_secret() -> None:
    proxies = ServerSettings(trusted_proxies=("127.0.0.1",))
    right, wrong = {"client_id": "rental", "client_secret": SECRET}, {"client_id": "rental", "client_secret": "x"}
    with open_api(proxies, LimitSettings(failed_attempts_per_minute=2)) as env:
        assert [ask(env, fields).status for fields in (wrong, right, wrong, wrong)] == [401, 200, 401, 429]
        reply = ask(env, right)
        assert (reply.status, reply.json, reply.headers["retry-after"]) == (429, {"detail": "Too many requests."}, "60")
        assert ask(env, wrong | {"client_id": "other"}).status == 401
        assert ask(env, right, X_Forwarded_For="192.0.2.1").status == 200
        env.clock.advance(60)
        assert ask(env, right).status == 200
