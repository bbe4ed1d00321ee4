"""`POST /token`, and what holds on every route."""

from pathlib import Path

import pytest

from tests.support.refusals import BEARER_INVALID, refused
from tests.support.server_env import ServerEnv, server_env

pytestmark = pytest.mark.anyio

PARKED = "9KTPARKED00000001"
NOBODY = "00000000-0000-0000-0000-000000000000"


async def asked(s: ServerEnv, path: str, form: dict[str, str]) -> tuple[int, dict[str, object]]:
    async with s.http.post(f"{s.url}{path}", data=form) as response:
        return response.status, await response.json()


@pytest.mark.parametrize("names", [("client_id", "client_secret"), ("username", "password")])
@pytest.mark.parametrize("path", ["/token", "/token/"])
async def test_both_token_request_forms_are_accepted(
    shared: ServerEnv, vin: str, path: str, names: tuple[str, str]
) -> None:
    form = dict(zip(names, (shared.second.client_id, shared.second.client_secret), strict=True))
    code, body = await asked(shared, path, form)
    assert (code, list(body), body["expiration"]) == (200, ["token", "expiration"], 3600)
    shared.second.token = str(body["token"])
    assert (await shared.second.post("9KT0THER000000025", "location")).code == 200


async def test_wrong_or_missing_credentials(shared: ServerEnv) -> None:
    own, secret = shared.first.client_id, shared.first.client_secret
    for form in (
        {"client_id": own, "client_secret": secret + "x"},
        {"client_id": own, "client_secret": shared.second.client_secret},
        {"client_id": NOBODY, "client_secret": secret},
        {"client_id": own, "password": secret},
        {"client_id": own},
        {},
    ):
        assert await asked(shared, "/token", form) == (401, {"detail": "Invalid credentials."})


async def test_a_token_is_good_for_an_hour(tmp_path: Path) -> None:
    async with server_env(tmp_path) as s:
        s.advance(3590)
        assert (await s.first.post(PARKED, "location")).code == 200
        s.advance(20)
        assert refused(await s.first.post(PARKED, "location")) == BEARER_INVALID
        await s.first.log_in()
        assert (await s.first.post(PARKED, "location")).code == 200


async def test_a_token_with_another_signature_or_none_is_invalid(shared: ServerEnv, vin: str) -> None:
    head, claims, signature = shared.first.token.split(".")
    unsigned = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0"
    other = shared.second.token.split(".")[1]
    for token in (f"{head}.{claims}.{signature[::-1]}", f"{unsigned}.{claims}.", f"{head}.{other}.{signature}"):
        answer = await shared.first.post(vin, "location", Authorization=f"Bearer {token}")
        assert refused(answer) == BEARER_INVALID


@pytest.mark.parametrize(
    ("method", "path", "code", "detail"),
    [
        ("GET", "/vehicle-command", 405, "Method Not Allowed"),
        ("PUT", "/vehicle-command/", 405, "Method Not Allowed"),
        ("GET", "/token", 405, "Method Not Allowed"),
        ("POST", "/vehicle-commands", 404, "Not Found"),
        ("GET", "/", 404, "Not Found"),
    ],
)
async def test_path_that_is_no_route_is_not_found(
    shared: ServerEnv, method: str, path: str, code: int, detail: str
) -> None:
    async with shared.http.request(method, f"{shared.url}{path}", allow_redirects=False) as response:
        assert (response.status, await response.json()) == (code, {"detail": detail})
        assert ("Allow" in response.headers) is (code == 405)


async def test_every_answer_carries_a_request_id(shared: ServerEnv, vin: str) -> None:
    """The request's own where it is 1 to 128 visible ASCII characters."""
    for given, kept in (("order-7/é".encode().decode("latin-1"), False), ("x" * 129, False), ("order-7", True)):
        answer = await shared.first.post(vin, "location", **{"X-Request-Id": given})
        assert (answer.headers["X-Request-Id"] == given) is kept
    refusal = await shared.first.post("UNKNOWN", "location", **{"X-Request-Id": "~" * 128})
    assert refusal.headers["X-Request-Id"] == "~" * 128
    ids = {(await shared.first.post(vin, "location")).headers["X-Request-Id"] for _ in range(3)}
    assert len(ids) == 3
