"""Which responses mean a refused token, and which similar ones do not."""

from typing import Any

import pytest

from keyturn.connectors.oem_http.definition.document import DefinitionError
from keyturn.connectors.responses import Operation, OutcomeKind
from tests.connectors.definitions import OPERATION, connector, definition
from tests.connectors.orders import TOKEN, account, order, target
from tests.support.clock import RunningClock
from tests.support.oem import Ending, Oem, ReceivedRequest, answer

pytestmark = pytest.mark.anyio

OAUTH: dict[str, Any] = {"scheme": "oauth2", "token_url": "/oauth/token"}
CLIENT = {"client_id": "id", "client_secret": "a-secret"}
REFUSED_BY = [{"status": [403], "code": ["token_expired"]}]
WRONG_PIN = {"error": {"message": "spin_error"}}
PIN = [{"status": [401], "code": ["spin_error"], "means": "failed"}]
NESTED_CODE = {**OPERATION["result"], "error_code": "error.message || code"}
TAKEN = answer(200, {"op": {"id": "7", "state": "done"}, "up": True})


class Login:
    """Issues tokens one after another; the first is refused, in the way that the test says."""

    def __init__(self, oem: Oem, refusal: Ending, *, for_ever: bool = False) -> None:
        self.oem = oem
        self.issued = 0
        self._refusal = refusal
        self._for_ever = for_ever
        oem.script = self.answer_to

    def answer_to(self, seen: ReceivedRequest) -> Ending:
        if seen.target == "/oauth/token":
            self.issued += 1
            return answer(200, {"access_token": f"token-{self.issued}", "expires_in": 3600})
        stale = self._for_ever or seen.headers["authorization"] == "Bearer token-1"
        return self._refusal if stale else TAKEN

    @property
    def used(self) -> list[str]:
        return [seen.headers["authorization"] for seen in self.oem.seen if seen.target != "/oauth/token"]


async def test_a_wrong_pin_told_with_401_is_posted_once(oem: Oem) -> None:
    login = Login(oem, answer(401, WRONG_PIN), for_ever=True)
    sender = connector(oem.url, auth=OAUTH, answers=PIN, result=NESTED_CODE)
    answered = await sender.send(order(RunningClock(), at=target(account(**CLIENT))))
    await sender.close()
    assert (answered.kind, login.used, login.issued) == (OutcomeKind.FAILED, ["Bearer token-1"], 1)
    assert answered.earlier == ()


@pytest.mark.parametrize("means", ["failed", "not_taken", "already_done"])
async def test_a_listed_401_is_what_the_table_says_and_is_posted_once(oem: Oem, means: str) -> None:
    login = Login(oem, answer(401, {}), for_ever=True)
    sender = connector(oem.url, auth=OAUTH, answers=[{"status": [401], "means": means}])
    answered = await sender.send(order(RunningClock(), at=target(account(**CLIENT))))
    expected = {"failed": OutcomeKind.FAILED, "not_taken": OutcomeKind.NOT_TAKEN, "already_done": OutcomeKind.SUCCEEDED}
    assert (answered.kind, len(login.used)) == (expected[means], 1)
    await sender.send(order(RunningClock(), at=target(account(**CLIENT))))
    await sender.close()
    assert login.used[1] == "Bearer token-2"


async def test_a_401_that_is_not_listed_still_gets_another_token(oem: Oem) -> None:
    login = Login(oem, answer(401, {"error": {"message": "expired"}}))
    sender = connector(oem.url, auth=OAUTH, answers=PIN, result=NESTED_CODE)
    answered = await sender.send(order(RunningClock(), at=target(account(**CLIENT))))
    await sender.close()
    assert (answered.kind, login.used) == (OutcomeKind.IN_PROGRESS, ["Bearer token-1", "Bearer token-2"])


async def test_both_writings_are_recorded_without_their_tokens(oem: Oem) -> None:
    Login(oem, answer(401, "token-1 is over, and a-secret too"))
    sender = connector(oem.url, auth=OAUTH)
    answered = await sender.send(order(RunningClock(), at=target(account(**CLIENT))))
    await sender.close()
    assert answered.exchange is not None
    (first,) = answered.earlier
    assert (first.status, first.answer, answered.exchange.status) == (401, "*** is over, and *** too", 200)
    assert first.at <= answered.exchange.at


@pytest.mark.parametrize("listed", [[], [{"status": [403], "means": "not_taken", "temporary": True}]])
async def test_a_command_refused_in_the_named_way_gets_one_new_token_and_one_more_try(
    oem: Oem, listed: list[dict[str, Any]]
) -> None:
    login = Login(oem, answer(403, {"code": "token_expired"}))
    sender = connector(oem.url, auth={**OAUTH, "refused_by": REFUSED_BY}, answers=listed)
    answered = await sender.send(order(RunningClock(), at=target(account(**CLIENT))))
    await sender.close()
    assert (answered.kind, login.used, login.issued) == (
        OutcomeKind.IN_PROGRESS,
        ["Bearer token-1", "Bearer token-2"],
        2,
    )


async def test_a_second_refusal_was_not_taken_and_is_not_temporary(oem: Oem) -> None:
    login = Login(oem, answer(403, {"code": "token_expired"}), for_ever=True)
    sender = connector(oem.url, auth={**OAUTH, "refused_by": REFUSED_BY})
    answered = await sender.send(order(RunningClock(), at=target(account(**CLIENT))))
    await sender.close()
    assert (answered.kind, answered.temporary, len(login.used)) == (OutcomeKind.NOT_TAKEN, False, 2)


async def test_a_question_s_code_is_found_where_its_command_s_results_have_it(oem: Oem) -> None:
    login = Login(oem, answer(403, {"own": {"code": "token_expired"}}))
    own = {**OPERATION["result"], "error_code": "own.code"}
    asker = connector(oem.url, auth={**OAUTH, "refused_by": REFUSED_BY}, commands={"start": {"result": own}})
    answered = await asker.get_status(target(account(**CLIENT)), "start", Operation(id="7"))
    await asker.close()
    assert (answered.kind, login.issued) == (OutcomeKind.SUCCEEDED, 2)


async def test_questions_whose_new_tokens_are_refused_do_not_fetch_one_each(oem: Oem) -> None:
    login, clock = Login(oem, answer(401, {}), for_ever=True), RunningClock()
    asker, at = connector(oem.url, clock=clock, auth=OAUTH), target(account(**CLIENT))
    for _ in range(5):
        await asker.get_status(at, "start", Operation(id="7"))
    assert (login.issued, len(login.used)) == (2, 6)
    clock.boot_ahead = 61
    await asker.get_status(at, "start", Operation(id="7"))
    await asker.close()
    assert login.issued == 3


@pytest.mark.parametrize("code", ["forbidden", None])
async def test_another_403_may_have_happened_and_is_posted_once(oem: Oem, code: str | None) -> None:
    login = Login(oem, answer(403, {"code": code}), for_ever=True)
    sender = connector(oem.url, auth={**OAUTH, "refused_by": REFUSED_BY})
    answered = await sender.send(order(RunningClock(), at=target(account(**CLIENT))))
    await sender.close()
    assert (answered.kind, len(login.used)) == (OutcomeKind.UNCLEAR, 1)


async def test_an_entry_of_answers_that_names_the_code_comes_before_one_that_names_only_the_status(oem: Oem) -> None:
    login = Login(oem, answer(401, WRONG_PIN), for_ever=True)
    auth = {**OAUTH, "refused_by": [{"status": [401]}]}
    sender = connector(oem.url, auth=auth, answers=PIN, result=NESTED_CODE)
    answered = await sender.send(order(RunningClock(), at=target(account(**CLIENT))))
    await sender.close()
    assert (answered.kind, len(login.used)) == (OutcomeKind.FAILED, 1)


async def test_questions_and_state_reads_get_another_token_too(oem: Oem) -> None:
    at, seven = target(account(**CLIENT)), Operation(id="7")
    for refusal in (answer(403, {"code": "token_expired"}), answer(401, WRONG_PIN)):
        login = Login(oem, refusal)
        asker = connector(oem.url, auth={**OAUTH, "refused_by": REFUSED_BY}, answers=PIN)
        assert (await asker.get_status(at, "start", seven)).kind is OutcomeKind.SUCCEEDED
        await asker.close()
        login.issued = 0
        reader = connector(oem.url, auth={**OAUTH, "refused_by": REFUSED_BY}, answers=PIN)
        report = await reader.read_report(at)
        await reader.close()
        assert report is not None
        assert login.used[-2:] == ["Bearer token-1", "Bearer token-2"]


async def test_a_given_token_that_is_refused_in_the_named_way_was_not_taken(oem: Oem) -> None:
    oem.answer_with(answer(403, {"code": "token_expired"}))
    sender = connector(oem.url, auth={"refused_by": REFUSED_BY})
    answered = await sender.send(order(RunningClock(), at=target(account(token=TOKEN))))
    await sender.close()
    assert (answered.kind, answered.temporary, len(oem.seen)) == (OutcomeKind.NOT_TAKEN, False, 1)


async def test_a_redirect_with_the_named_code_may_have_happened_all_the_same(oem: Oem) -> None:
    login = Login(oem, answer(307, {"code": "token_expired"}, Location="/"), for_ever=True)
    sender = connector(oem.url, auth={**OAUTH, "refused_by": [{"code": ["token_expired"]}]})
    answered = await sender.send(order(RunningClock(), at=target(account(**CLIENT))))
    await sender.close()
    assert (answered.kind, len(login.used)) == (OutcomeKind.UNCLEAR, 1)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({}, "auth.refused_by[0]: status or code must be given"),
        ({"status": [302]}, "auth.refused_by[0]: a 3xx answer may always have happened and cannot be listed"),
        ({"status": [200]}, "auth.refused_by[0]: a 2xx answer refuses the token only together with a code"),
    ],
)
def test_a_refusal_that_cannot_be_one_is_not_taken(entry: dict[str, Any], message: str) -> None:
    with pytest.raises(DefinitionError) as refused:
        definition(auth={"refused_by": [entry]})
    assert str(refused.value) == message
