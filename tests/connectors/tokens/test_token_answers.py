"""Token endpoints that differ from RFC 6749: requests, responses, and retries."""

import asyncio
from typing import Any
from urllib.parse import parse_qs

import pytest

from keyturn.connectors.responses import OutcomeKind
from tests.support.oem import Ending, Oem, answer

from .login import CLIENT, ISSUED, Cloud, Keeper

pytestmark = pytest.mark.anyio

CAMEL = {"token": "accessToken", "life": "expiresIn"}


@pytest.mark.parametrize(
    ("login", "auth", "life"),
    [
        (answer(200, {"accessToken": "issued", "expiresIn": 120}), CAMEL, 90),
        (answer(200, {"accessToken": "issued", "expiresIn": 120_000}), {**CAMEL, "life_unit": "ms"}, 90),
        (answer(201, {"access_token": "issued", "expires_in": 120}), {}, 90),
        (answer(200, {"access_token": "issued", "expires_in": None}), {}, 270),
        (answer(200, {"access_token": "issued", "expires_in": "120"}), {}, 90),
        (answer(200, {"access_token": "issued", "expires_in": "soon"}), {}, 270),
        (answer(200, {"access_token": "issued"}), {}, 270),
        (answer(200, {"data": [{"jwt": "issued", "ttl": 120}]}), {"token": "data[0].jwt", "life": "data[0].ttl"}, 90),
    ],
)
async def test_the_token_and_its_life_are_found_where_the_definition_says(
    oem: Oem, login: Ending, auth: dict[str, Any], life: float
) -> None:
    cloud = Cloud(oem, login, auth=auth)
    assert (await cloud.send()).kind is OutcomeKind.IN_PROGRESS
    cloud.clock.boot_ahead = life - 1
    await cloud.send()
    assert len(cloud.logins) == 1
    cloud.clock.boot_ahead = life + 1
    await cloud.send()
    await cloud.connector.close()
    assert (len(cloud.logins), set(cloud.used)) == (2, {"Bearer issued"})


async def test_a_2xx_without_a_token_is_not_written_down(oem: Oem) -> None:
    cloud = Cloud(oem, answer(200, {"accessToken": "issued"}), auth={})
    answered = await cloud.send()
    await cloud.connector.close()
    assert (answered.kind, answered.temporary) == (OutcomeKind.NOT_TAKEN, True)
    assert answered.exchange is not None
    assert answered.exchange.answer == "the OEM's token endpoint gave no token"


FORM, JSON = "application/x-www-form-urlencoded", "application/json"
USER = {"username": "anna", "password": "p&ss"}


@pytest.mark.parametrize(
    ("auth", "credentials", "kind", "fields"),
    [
        (
            {"grant": "password"},
            {**USER, **CLIENT},
            FORM,
            {"grant_type": "password", **USER, **CLIENT},
        ),
        ({"grant": "password", "request": "json"}, USER, JSON, {"grant_type": "password", **USER}),
        (
            {"request": "json", "scope": "api://{account.client_id}/all"},
            CLIENT,
            JSON,
            {"grant_type": "client_credentials", "scope": "api://an-id/all", **CLIENT},
        ),
        (
            {
                "grant": "none",
                "request": "json",
                "parameters": {"user": {"mail": "{account.username}"}, "remember": True},
            },
            USER,
            JSON,
            {"user": {"mail": "anna"}, "remember": True},
        ),
        (
            {"grant": "refresh_token", "parameters": {"audience": "{account.tenant}"}},
            {"refresh_token": "r0", "tenant": "t1"},
            FORM,
            {"grant_type": "refresh_token", "refresh_token": "r0", "audience": "t1"},
        ),
        (
            {"parameters": {"refresh_token": "{account.refresh_token}", "grant_type": "refresh_token"}},
            {**CLIENT, "refresh_token": "r0"},
            FORM,
            {"grant_type": "refresh_token", "refresh_token": "r0", **CLIENT},
        ),
    ],
)
async def test_the_request_is_written_as_the_definition_says(
    oem: Oem, auth: dict[str, Any], credentials: dict[str, str], kind: str, fields: dict[str, Any]
) -> None:
    cloud = Cloud(oem, ISSUED, auth=auth)
    await cloud.send(**credentials)
    await cloud.connector.close()
    (login,) = cloud.logins
    written = login.json if kind == JSON else {key: value for key, (value,) in parse_qs(login.body.decode()).items()}
    assert (login.headers["content-type"], written) == (kind, fields)
    assert cloud.used == ["Bearer issued"]


@pytest.mark.parametrize(
    ("auth", "credentials", "missing"),
    [
        ({"grant": "password"}, {"username": "anna"}, "the account has no credential `password`"),
        ({"grant": "refresh_token"}, CLIENT, "the account has no credential `refresh_token`"),
        ({}, {"client_id": "x"}, "the account has no credential `client_secret`"),
        ({"parameters": {"x": "{account.x}"}}, CLIENT, "nothing to put in place of {account.x}"),
        ({"token_url": "/login/{account.tenant}"}, CLIENT, "nothing to put in place of {account.tenant}"),
    ],
)
async def test_without_a_credential_nothing_is_asked(
    oem: Oem, auth: dict[str, Any], credentials: dict[str, str], missing: str
) -> None:
    cloud = Cloud(oem, ISSUED, auth=auth)
    answered = await cloud.send(**credentials)
    await cloud.connector.close()
    assert (answered.kind, answered.temporary, oem.seen) == (OutcomeKind.NOT_TAKEN, False, [])
    assert answered.exchange is not None
    assert answered.exchange.answer == missing


def refreshed(number: int) -> Ending:
    return answer(200, {"access_token": f"token-{number}", "refresh_token": f"r{number}", "expires_in": 60})


def asked_with(cloud: Cloud) -> list[str]:
    return [parse_qs(seen.body.decode())["refresh_token"][0] for seen in cloud.logins]


async def test_a_refresh_token_that_rotates_is_used_once_and_the_newest_is_kept(oem: Oem) -> None:
    keeper = Keeper()
    cloud = Cloud(oem, refreshed(1), refreshed(2), refreshed(3), auth={"grant": "refresh_token"}, keeper=keeper)
    await cloud.send(refresh_token="r0")
    await cloud.send(refresh_token="r1")
    assert asked_with(cloud) == ["r0"]
    cloud.clock.boot_ahead = 31
    await cloud.send(refresh_token="r0")
    cloud.clock.boot_ahead = 62
    await cloud.send(refresh_token="r1")
    await cloud.connector.close()
    assert asked_with(cloud) == ["r0", "r1", "r2"]
    assert keeper.kept == [
        ("account-1", "refresh_token=r1", {"r0"}),
        ("account-1", "refresh_token=r2", {"r0", "r1"}),
        ("account-1", "refresh_token=r3", {"r0", "r1", "r2"}),
    ]


async def test_a_refresh_token_that_somebody_gave_the_account_is_newer_than_ours(oem: Oem) -> None:
    cloud = Cloud(oem, refreshed(1), refreshed(2), auth={"grant": "refresh_token"}, keeper=Keeper())
    await cloud.send(refresh_token="r0")
    await cloud.send(refresh_token="given")
    await cloud.connector.close()
    assert (asked_with(cloud), cloud.used) == (["r0", "given"], ["Bearer token-1", "Bearer token-2"])


async def test_a_refresh_token_that_could_not_be_kept_is_used_and_kept_with_the_next(oem: Oem) -> None:
    keeper = Keeper(fails=1)
    same = answer(200, {"access_token": "token-2", "expires_in": 60})
    cloud = Cloud(oem, refreshed(1), same, auth={"grant": "refresh_token"}, keeper=keeper)
    await cloud.send(refresh_token="r0")
    assert keeper.kept == []
    cloud.clock.boot_ahead = 31
    await cloud.send(refresh_token="r0")
    await cloud.connector.close()
    assert asked_with(cloud) == ["r0", "r1"]
    assert keeper.kept == [("account-1", "refresh_token=r1", {"r0"})]


async def test_commands_at_the_same_time_use_a_refresh_token_once(oem: Oem) -> None:
    cloud = Cloud(oem, refreshed(1), refreshed(2), auth={"grant": "refresh_token"}, keeper=Keeper())
    await asyncio.gather(*(cloud.send(refresh_token="r0") for _ in range(4)))
    await cloud.connector.close()
    assert (asked_with(cloud), set(cloud.used)) == (["r0"], {"Bearer token-1"})


async def test_a_refresh_token_that_is_being_replaced_when_we_end_is_kept(oem: Oem) -> None:
    keeper = Keeper()
    cloud = Cloud(oem, refreshed(1), auth={"grant": "refresh_token"}, keeper=keeper)
    sending = asyncio.create_task(cloud.send(refresh_token="r0"))
    await oem.until_seen(1)
    sending.cancel()
    await cloud.connector.close()
    assert keeper.kept == [("account-1", "refresh_token=r1", {"r0"})]


async def test_a_rotated_refresh_token_stays_out_of_the_record(oem: Oem) -> None:
    cloud = Cloud(oem, refreshed(1), answer(400, "r1 is over"), auth={"grant": "refresh_token"}, keeper=Keeper())
    await cloud.send(refresh_token="r0")
    cloud.clock.boot_ahead = 31
    answered = await cloud.send(refresh_token="r0")
    await cloud.connector.close()
    assert answered.exchange is not None
    assert "r1" not in answered.exchange.answer
