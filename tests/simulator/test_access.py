import base64

import pytest

from .oem import Oem, caller

pytestmark = pytest.mark.anyio
FORM = {"grant_type": "client_credentials", "client_id": "sim-client", "client_secret": "sim-secret"}


@pytest.mark.parametrize("token", ["wrong", "9999999999.00", ".", "sim-oem-token "[:-2]])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/vehicles/9KTPARKED00000001/commands/start"),
        ("GET", "/vehicles/9KTPARKED00000001/state"),
        ("GET", "/operations?client_ref=a"),
        ("GET", "/operations/a"),
    ],
)
async def test_both_apis_require_a_bearer_token(oem: Oem, token: str, method: str, path: str) -> None:
    async with caller(oem.base_url, token) as stranger:
        for prefix in ("", "/relay"):
            status, body = await stranger.call(method, oem.base_url + prefix + path)
            assert (status, body["error"]["code"]) == (401, "unauthorized")


async def test_a_missing_header_is_unauthorized_and_names_bearer(oem: Oem) -> None:
    async with oem.session.get(
        f"{oem.base_url}/operations?client_ref=a", headers={"Authorization": "Basic c2ltOnNpbQ=="}
    ) as response:
        assert (response.status, response.headers["WWW-Authenticate"]) == (401, "Bearer")


async def test_ledger_and_control_api_need_no_token(oem: Oem) -> None:
    async with caller(oem.base_url, "wrong") as stranger:
        assert await stranger.ledger() == []
        await stranger.advance(0)


async def test_client_credentials_buy_a_token_that_lapses(oem: Oem) -> None:
    status, granted = await oem.call("POST", f"{oem.base_url}/oauth/token", data=FORM)
    assert (status, granted["token_type"], granted["expires_in"]) == (200, "Bearer", 3600)
    async with caller(oem.base_url, granted["access_token"]) as client:
        await client.advance(3500)
        assert (await client.done("9KTPARKED00000001", "start"))["status"] == "success"
        await client.advance(101)
        assert (await client.send("9KTPARKED00000001", "start"))[0] == 401


async def test_client_credentials_are_taken_as_http_basic_too(oem: Oem) -> None:
    basic = base64.b64encode(b"sim-client:sim-secret").decode()
    status, granted = await oem.call(
        "POST",
        f"{oem.base_url}/oauth/token",
        data={"grant_type": "client_credentials"},
        headers={"Authorization": f"Basic {basic}"},
    )
    assert (status, "access_token" in granted) == (200, True)


@pytest.mark.parametrize(
    ("change", "status", "error"),
    [
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"client_id": "wrong"}, 401, "invalid_client"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
    ],
)
async def test_wrong_credentials_or_grant_buy_nothing(
    oem: Oem, change: dict[str, str], status: int, error: str
) -> None:
    answer, body = await oem.call("POST", f"{oem.base_url}/oauth/token", data=FORM | change)
    assert (answer, body["error"]) == (status, error)
