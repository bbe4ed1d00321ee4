"""Masking: no log has a secret, in any form; other values stay legible."""

from typing import Any

import pytest

from keyturn.connectors.responses import LoggedRequest
from tests.support.clock import RunningClock
from tests.support.oem import DROP, Ending, Oem, answer

from .definitions import OPERATION, connector
from .orders import account, order, target

pytestmark = pytest.mark.anyio

CREDENTIALS = {"token": "t0k", "fleet_id": "7", "region": "the", "pin": "1234", "unlock": "5678"}


async def recorded(oem: Oem, ending: Ending, path: str = "/cars", **auth: Any) -> LoggedRequest:
    oem.answer_with(ending)
    sender = connector(oem.url, send={"path": path, "body": {}}, auth={"scheme": "bearer", **auth})
    answered = await sender.send(order(RunningClock(), at=target(account(**CREDENTIALS))))
    await sender.close()
    assert answered.exchange is not None
    return answered.exchange


async def logged(oem: Oem, text: str, **auth: Any) -> str:
    return (await recorded(oem, answer(502, text), **auth)).answer


async def test_a_credential_that_is_no_secret_stays_in_the_record(oem: Oem) -> None:
    text = '{"at": "2026-11-30T21:07:27", "fleet": 7, "fleet_id": "7", "text": "the vehicle"}'
    assert await logged(oem, text) == text
    assert (await recorded(oem, answer(502), "/fleets/{account.fleet_id}")).request == "POST /fleets/7"


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Bearer t0k was refused", "Bearer *** was refused"),
        ('{"token": "t0k"}', '{"token": "***"}'),
        ("?token=t0k&x=1", "?token=***&x=1"),
        ("Bearer%20t0k", "Bearer%20***"),
        ("pin 1234.", "pin ***."),
        ("order 91234, room 12345, t0ken", "order 91234, room 12345, t0ken"),
    ],
)
async def test_a_secret_is_masked_as_a_whole_value(oem: Oem, text: str, kept: str) -> None:
    assert await logged(oem, text) == kept


async def test_what_the_definition_lists_is_a_secret_too(oem: Oem) -> None:
    assert await logged(oem, "code 5678") == "code 5678"
    assert await logged(oem, "code 5678", sensitive=["unlock"]) == "code ***"


async def test_our_own_words_are_never_masked(oem: Oem) -> None:
    """Whatever the credentials are: a token that is one of these words, too."""
    oem.answer_with(DROP)
    sender = connector(oem.url, OPERATION)
    answered = await sender.send(order(RunningClock(), at=target(account(token="connection", secret="lost"))))
    await sender.close()
    assert answered.exchange is not None
    assert answered.exchange.answer == "the connection was lost"
