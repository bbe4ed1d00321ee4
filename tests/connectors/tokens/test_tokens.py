"""Access tokens: whose they are, when they are fetched, and what happens without one."""

import asyncio
import base64
from typing import Any
from urllib.parse import parse_qs

import pytest
from yarl import URL

from keyturn.connectors.oem_http.http.client import HttpClient
from keyturn.connectors.oem_http.http.requests import Requests
from keyturn.connectors.oem_http.tokens.tokens import OAuthTokens
from keyturn.connectors.responses import Operation, OutcomeKind
from tests.connectors.definitions import connector, definition
from tests.connectors.orders import account, order, target
from tests.support.clock import RunningClock
from tests.support.oem import HANG, Ending, Oem, ReceivedRequest, answer

pytestmark = pytest.mark.anyio

OAUTH: dict[str, Any] = {"scheme": "oauth2", "token_url": "/oauth/token", "scope": "commands"}
CLIENT = {"client_id": "id 1", "client_secret": "s&cret"}
TAKEN = answer(202, {"op": {"id": "7"}})


class TokenDesk:
    """An OEM that issues tokens one after another, and takes commands under the ones that it did not revoke."""

    def __init__(self, oem: Oem, life: object = 3600) -> None:
        self.oem = oem
        self.issued = 0
        self.revoked: set[str] = set()
        self._life = life
        oem.script = self.answer_to

    def answer_to(self, seen: ReceivedRequest) -> Ending:
        if seen.target == "/oauth/token":
            self.issued += 1
            return answer(200, {"access_token": f"token-{self.issued}", "expires_in": self._life})
        known = seen.headers.get("authorization", "").removeprefix("Bearer ")
        return answer(401, {}) if known in self.revoked else TAKEN

    @property
    def used(self) -> list[str]:
        return [seen.headers["authorization"] for seen in self.oem.to("/cars")]


async def test_a_given_token_goes_into_the_header_that_the_definition_names(oem: Oem) -> None:
    oem.answer_with(TAKEN)
    plain, named = connector(oem.url), connector(oem.url, auth={"header": "X-Api-Key", "prefix": ""})
    for sender in (plain, named):
        await sender.send(order(RunningClock(), at=target(account(token="abc"))))
        await sender.close()
    assert oem.seen[0].headers["authorization"] == "Bearer abc"
    assert oem.seen[1].headers["x-api-key"] == "abc"


async def test_a_given_token_that_is_refused_was_not_taken_and_is_not_tried_again(oem: Oem) -> None:
    oem.answer_with(answer(401, {}))
    sender = connector(oem.url)
    answered = await sender.send(order(RunningClock()))
    await sender.close()
    assert (answered.kind, answered.temporary) == (OutcomeKind.NOT_TAKEN, False)
    assert len(oem.seen) == 1


async def test_an_account_without_its_credential_sends_nothing(oem: Oem) -> None:
    sender = connector(oem.url)
    answered = await sender.send(order(RunningClock(), at=target(account(user="x"))))
    await sender.close()
    assert (answered.kind, answered.temporary) == (OutcomeKind.NOT_TAKEN, False)
    assert answered.exchange is not None
    assert answered.exchange.answer == "the account has no credential `token`"
    assert oem.seen == []


async def test_client_credentials_are_sent_in_the_body(oem: Oem) -> None:
    TokenDesk(oem)
    sender = connector(oem.url, auth={**OAUTH, "parameters": {"audience": "connect"}})
    await sender.send(order(RunningClock(), at=target(account(**CLIENT))))
    await sender.close()
    assert parse_qs(oem.seen[0].body.decode()) == {
        "grant_type": ["client_credentials"],
        "audience": ["connect"],
        "scope": ["commands"],
        "client_id": ["id 1"],
        "client_secret": ["s&cret"],
    }
    assert oem.seen[1].headers["authorization"] == "Bearer token-1"


async def test_client_credentials_are_sent_in_the_header_where_the_definition_says_so(oem: Oem) -> None:
    TokenDesk(oem)
    sender = connector(oem.url, auth={**OAUTH, "client_in": "header"})
    await sender.send(order(RunningClock(), at=target(account(**CLIENT))))
    await sender.close()
    assert base64.b64decode(oem.seen[0].headers["authorization"].removeprefix("Basic ")) == b"id+1:s%26cret"
    assert b"s%26cret" not in oem.seen[0].body


async def test_a_token_is_fetched_once_however_many_need_it_and_kept_until_shortly_before_its_end(oem: Oem) -> None:
    desk, clock = TokenDesk(oem, life="120"), RunningClock()
    sender = connector(oem.url, clock=clock, auth=OAUTH)
    at = target(account(**CLIENT))
    await asyncio.gather(*(sender.send(order(clock, at=at)) for _ in range(8)))
    assert desk.issued == 1
    clock.boot_ahead = 89.0
    await sender.send(order(clock, at=at))
    assert desk.issued == 1
    clock.boot_ahead = 91.0
    await sender.send(order(clock, at=at))
    await sender.close()
    assert desk.issued == 2
    assert desk.used[-1] == "Bearer token-2"


async def test_other_credentials_of_the_same_account_get_a_token_of_their_own(oem: Oem) -> None:
    desk = TokenDesk(oem)
    sender = connector(oem.url, auth=OAUTH)
    for secret in ("old", "new", "new"):
        await sender.send(order(RunningClock(), at=target(account(client_id="id", client_secret=secret))))
    await sender.close()
    assert desk.used == ["Bearer token-1", "Bearer token-2", "Bearer token-2"]


async def test_a_401_refreshes_the_token_once_and_the_command_is_sent_again(oem: Oem) -> None:
    desk = TokenDesk(oem)
    desk.revoked = {"token-1"}
    sender = connector(oem.url, auth=OAUTH)
    answered = await sender.send(order(RunningClock(), at=target(account(**CLIENT))))
    await sender.close()
    assert answered.kind is OutcomeKind.IN_PROGRESS
    assert desk.used == ["Bearer token-1", "Bearer token-2"]


async def test_a_second_401_was_not_taken_and_is_not_temporary(oem: Oem) -> None:
    desk = TokenDesk(oem)
    desk.revoked = {"token-1", "token-2", "token-3"}
    sender = connector(oem.url, auth=OAUTH)
    answered = await sender.send(order(RunningClock(), at=target(account(**CLIENT))))
    await sender.close()
    assert (answered.kind, answered.temporary) == (OutcomeKind.NOT_TAKEN, False)
    assert desk.used == ["Bearer token-1", "Bearer token-2"]


async def test_commands_that_hear_401_together_share_one_new_token(oem: Oem) -> None:
    desk = TokenDesk(oem)
    desk.revoked = {"token-1"}
    sender = connector(oem.url, auth=OAUTH)
    at = target(account(**CLIENT))
    answers = await asyncio.gather(*(sender.send(order(RunningClock(), at=at)) for _ in range(4)))
    await sender.close()
    assert {answered.kind for answered in answers} == {OutcomeKind.IN_PROGRESS}
    assert desk.issued == 2


async def test_late_401_takes_the_token_that_another_call_fetched_meanwhile(oem: Oem) -> None:
    desk, described, clock = TokenDesk(oem), definition(base_url=oem.url, auth=OAUTH), RunningClock()
    client = HttpClient(described, clock)
    tokens = OAuthTokens(described.auth, Requests(described, URL(oem.url)), client, clock)
    owner = account(**CLIENT)
    stale = await tokens.current(owner)
    assert [await tokens.renewed(owner, stale) for _ in range(2)] == ["token-2", "token-2"]
    await client.close()
    assert desk.issued == 2


async def test_the_resending_after_a_401_stands_before_the_same_gate(oem: Oem) -> None:
    clock = RunningClock()
    desk = TokenDesk(oem)
    desk.revoked = {"token-1"}

    def late(seen: ReceivedRequest) -> Ending:
        if seen.target.startswith("/cars"):
            clock.wall_ahead = 60.0
        return desk.answer_to(seen)

    oem.script = late
    sender = connector(oem.url, clock=clock, auth=OAUTH)
    answered = await sender.send(order(clock, at=target(account(**CLIENT))))
    await sender.close()
    assert (answered.kind, answered.temporary) == (OutcomeKind.NOT_TAKEN, True)
    assert len(oem.to("/cars")) == 1


@pytest.mark.parametrize(
    ("ending", "temporary"),
    [
        (answer(400, {"error": "invalid_client", "hint": "s&cret"}), False),
        (answer(401, {}), False),
        (answer(429, {}, Retry_After="9"), True),
        (answer(500, {}), True),
        (answer(302, {}, Location="/login"), True),
        (answer(200, "<html>"), True),
        (answer(200, {"token_type": "Bearer"}), True),
    ],
    ids=["400", "401", "429", "500", "302", "html", "no_token"],
)
async def test_without_a_token_nothing_is_sent(oem: Oem, ending: Ending, temporary: bool) -> None:
    oem.answer_with(ending)
    sender = connector(oem.url, auth=OAUTH)
    answered = await sender.send(order(RunningClock(), at=target(account(**CLIENT))))
    await sender.close()
    assert (answered.kind, answered.temporary) == (OutcomeKind.NOT_TAKEN, temporary)
    assert answered.exchange is not None
    assert answered.exchange.request == "POST /oauth/token"
    assert "s&cret" not in answered.exchange.answer
    assert [seen.target for seen in oem.seen] == ["/oauth/token"]


async def test_a_token_that_does_not_come_in_time_is_not_waited_for_beyond_send_by(oem: Oem) -> None:
    oem.answer_with(HANG)
    sender = connector(oem.url, auth=OAUTH)
    answered = await sender.send(order(RunningClock(), within=0.1, at=target(account(**CLIENT))))
    await sender.close()
    assert (answered.kind, answered.temporary) == (OutcomeKind.NOT_TAKEN, True)
    assert answered.exchange is not None
    assert answered.exchange.answer == "no token in time"
    assert oem.to("/cars") == []


async def test_one_caller_that_gives_up_does_not_take_the_token_from_the_others(oem: Oem) -> None:
    desk = TokenDesk(oem)
    sender = connector(oem.url, auth=OAUTH)
    at = target(account(**CLIENT))
    first = asyncio.create_task(sender.send(order(RunningClock(), at=at)))
    second = asyncio.create_task(sender.send(order(RunningClock(), at=at)))
    await asyncio.sleep(0)
    first.cancel()
    answered = await second
    await sender.close()
    assert answered.kind is OutcomeKind.IN_PROGRESS
    assert desk.issued == 1


async def test_the_token_goes_to_the_connector_s_origin_and_listed_ones_only(oem: Oem) -> None:
    async with Oem() as listed, Oem() as stranger:
        for server in (listed, stranger):
            server.answer_with(answer(200, {"op": {"state": "working"}}))
        oem.answer_with(answer(200, {"op": {"state": "working"}}))
        asker = connector(oem.url, trusted_origins=[listed.url])
        for elsewhere in (listed, stranger):
            await asker.get_status(
                target(account(token="abc")), "start", Operation(id="7", url=f"{elsewhere.url}/ops/7")
            )
        await asker.close()
    assert [seen.headers["authorization"] for seen in listed.seen] == ["Bearer abc"]
    assert stranger.seen == []
    assert [seen.target for seen in oem.seen] == ["/ops/7"]
