"""Pauses grow after failed token requests; many OEMs lock an account that tries too often."""

import pytest

from keyturn.connectors.oem_http.connector import HttpConnector
from keyturn.connectors.port import Account
from keyturn.connectors.responses import OutcomeKind
from tests.connectors.definitions import definition
from tests.connectors.orders import order, target
from tests.support.oem import HANG, Oem, answer

from .login import CLIENT, ISSUED, OAUTH, Cloud

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("status", [500, 429, 401, 302])
async def test_a_login_that_fails_is_left_alone_for_longer_and_longer(oem: Oem, status: int) -> None:
    cloud = Cloud(oem, answer(status, {}), auth={})
    asked = []
    for seconds in (0, 0.5, 1.5, 4, 20, 22, 60, 84, 200, 210):
        cloud.clock.boot_ahead = cloud.clock.wall_ahead = seconds
        answered = await cloud.send()
        assert answered.kind is OutcomeKind.NOT_TAKEN
        assert answered.temporary == (status != 401)
        asked.append(len(cloud.logins))
    await cloud.connector.close()
    assert asked == [1, 1, 2, 2, 2, 3, 3, 4, 4, 5]
    assert cloud.used == []


async def test_while_it_is_left_alone_the_answer_says_for_how_long(oem: Oem) -> None:
    cloud = Cloud(oem, answer(503, {}, Retry_After="90"), auth={})
    first, second = await cloud.send(), await cloud.send()
    await cloud.connector.close()
    assert (first.retry_after, len(cloud.logins)) == (90.0, 1)
    assert second.retry_after is not None
    assert 89 < second.retry_after <= 90
    assert second.exchange is not None
    assert second.exchange.answer == "the OEM's token endpoint answered 503; it is asked again in 90 s"


@pytest.mark.parametrize("name", ["enable_ignition", "start"])
async def test_a_restoring_command_waits_no_longer_than_ten_seconds_for_it(oem: Oem, name: str) -> None:
    cloud = Cloud(oem, answer(503, {}, Retry_After="90"), auth={})
    described = definition(base_url=oem.url, auth=OAUTH, commands={"enable_ignition": {}, "start": {}})
    cloud.connector = HttpConnector(described, cloud.clock)
    await cloud.send(name)
    cloud.clock.boot_ahead = cloud.clock.wall_ahead = 11
    await cloud.send(name)
    await cloud.connector.close()
    assert len(cloud.logins) == (2 if name == "enable_ignition" else 1)


async def test_other_credentials_are_tried_at_once_and_a_success_ends_it(oem: Oem) -> None:
    cloud = Cloud(oem, answer(401, {}), ISSUED, auth={})
    assert (await cloud.send()).kind is OutcomeKind.NOT_TAKEN
    assert (await cloud.send(client_id="an-id", client_secret="corrected")).kind is OutcomeKind.IN_PROGRESS
    await cloud.connector.close()
    assert len(cloud.logins) == 2


async def test_a_caller_that_gives_up_is_not_a_failure_of_the_login(oem: Oem) -> None:
    cloud = Cloud(oem, HANG, auth={})
    at = target(Account("account-1", CLIENT))
    answered = await cloud.connector.send(order(cloud.clock, within=0.1, at=at))
    await cloud.connector.close()
    assert answered.exchange is not None
    assert (answered.exchange.answer, answered.retry_after) == ("no token in time", None)
