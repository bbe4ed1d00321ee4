"""What the answers to status requests, look-ups and cancellations mean."""

from typing import Any

import msgspec
import pytest

from keyturn.connectors.responses import OemResponse, Operation, OutcomeKind
from tests.connectors.definitions import connector
from tests.connectors.orders import target
from tests.support.oem import DROP, HANG, Ending, Oem, answer

from .test_answers import PLACE, SEVEN, TEN_O_CLOCK

pytestmark = pytest.mark.anyio


async def asked(oem: Oem, ending: Ending, operation: Operation = SEVEN, **changes: Any) -> OemResponse:
    asker = connector(oem.url, **changes)
    oem.answer_with(ending)
    answered = await asker.get_status(target(), "location", operation)
    await asker.close()
    return answered


async def found(oem: Oem, ending: Ending, **changes: Any) -> OemResponse:
    asker = connector(oem.url, **changes)
    oem.answer_with(ending)
    answered = await asker.find_by_reference(target(), "start", "our-id")
    await asker.close()
    return answered


async def cancelled(oem: Oem, ending: Ending, **changes: Any) -> OemResponse:
    asker = connector(oem.url, **changes)
    oem.answer_with(ending)
    answered = await asker.cancel(target(), Operation(url=f"{oem.url}/ops/7"))
    await asker.close()
    return answered


class TestAQuestion:
    async def test_is_asked_at_the_operation_s_url_and_else_by_the_template(self, oem: Oem) -> None:
        await asked(oem, answer(200, {}), Operation(id="7", url=f"{oem.url}/elsewhere/7"))
        await asked(oem, answer(200, {}), Operation(id="a/7"))
        await asked(oem, answer(200, {}), Operation(id="7", url="http://localhost:1/ops/7"))
        assert [seen.target for seen in oem.seen] == ["/elsewhere/7", "/ops/a%2F7", "/ops/7"]

    async def test_that_cannot_be_asked_finds_nothing(self, oem: Oem) -> None:
        answered = await asked(oem, answer(200, {}), Operation(url="https://evil.example/7"))
        assert answered.kind is OutcomeKind.NOTHING_FOUND
        assert oem.seen == []

    @pytest.mark.parametrize("state", ["working", "DONE", None, 3, True, ["done"]])
    async def test_with_an_unknown_word_means_to_ask_again(self, oem: Oem, state: object) -> None:
        answered = await asked(oem, answer(200, {"op": {"state": state}}))
        assert (answered.kind, answered.operation) == (OutcomeKind.IN_PROGRESS, SEVEN)

    async def test_hears_of_success_with_time_and_data(self, oem: Oem) -> None:
        body = {"op": {"state": "done", "at": "2024-05-01T10:00:00Z", "already": True, "data": PLACE}}
        answered = await asked(oem, answer(200, body))
        assert (answered.kind, answered.completed_at) == (OutcomeKind.SUCCEEDED, TEN_O_CLOCK)
        assert (answered.already_done, answered.data) == (True, PLACE)

    @pytest.mark.parametrize(
        ("op", "expected"),
        [
            ({"state": "failed"}, OemResponse(OutcomeKind.FAILED)),
            ({"state": "failed", "code": "NEW"}, OemResponse(OutcomeKind.FAILED)),
            (
                {"state": "failed", "code": "LOCKED_OUT"},
                OemResponse(OutcomeKind.FAILED, detail="The vehicle is in service."),
            ),
            ({"state": "failed", "code": "MOVING"}, OemResponse(OutcomeKind.REFUSED, preconditions=(1,))),
            ({"state": "failed", "code": "SO_ALREADY"}, OemResponse(OutcomeKind.SUCCEEDED, already_done=True)),
            (
                {"state": "failed", "code": "WITHDRAWN"},
                OemResponse(OutcomeKind.FAILED, detail="Withdrawn.", cancelled=True),
            ),
            ({"state": "cancelled"}, OemResponse(OutcomeKind.FAILED, cancelled=True)),
            (
                {"state": "failed", "at": "2024-05-01T10:00:00Z"},
                OemResponse(OutcomeKind.FAILED, completed_at=TEN_O_CLOCK),
            ),
        ],
        ids=lambda value: str(value.get("code", value["state"])) if isinstance(value, dict) else "",
    )
    async def test_hears_of_failure_by_the_table_of_errors(
        self, oem: Oem, op: dict[str, str], expected: OemResponse
    ) -> None:
        answered = await asked(oem, answer(200, {"op": op}))
        assert answered == msgspec.structs.replace(expected, exchange=answered.exchange)

    @pytest.mark.parametrize(
        "ending",
        [
            DROP,
            HANG,
            answer(404, {}),
            answer(500, {"op": {"state": "failed"}}),
            answer(302, {"op": {"state": "done"}}, Location="/"),
            answer(200, "<<<"),
            answer(200, {"op": {"state": "done", "pad": "x" * 65_536}}),
            Ending(answer(200, {"op": {"state": "done"}}).data[:-3], then="close"),
        ],
        ids=["drop", "hang", "404", "500", "302", "rubbish", "oversized", "truncated"],
    )
    async def test_that_brings_nothing_says_nothing(self, oem: Oem, ending: Ending) -> None:
        assert (await asked(oem, ending, timeout=0.2)).kind is OutcomeKind.NOTHING_FOUND


class TestALookUp:
    async def test_finds_the_command_by_our_id(self, oem: Oem) -> None:
        body = {"found": [{"ref": "our-id", "id": "7", "state": "done"}]}
        answered = await found(oem, answer(200, body))
        assert (answered.kind, answered.operation) == (OutcomeKind.SUCCEEDED, SEVEN)
        assert oem.seen[0].target == "/ops?ref=our-id"

    async def test_finds_one_that_still_runs(self, oem: Oem) -> None:
        answered = await found(oem, answer(200, {"found": [{"ref": "our-id", "id": "7", "state": "working"}]}))
        assert (answered.kind, answered.operation) == (OutcomeKind.IN_PROGRESS, SEVEN)

    async def test_does_not_take_another_s_command_for_ours(self, oem: Oem) -> None:
        answered = await found(oem, answer(200, {"found": [{"ref": "another", "id": "7", "state": "done"}]}))
        assert answered.kind is OutcomeKind.NOTHING_FOUND

    @pytest.mark.parametrize("ending", [answer(200, {"found": []}), answer(404, {}), answer(200, "?"), DROP])
    async def test_that_finds_nothing_says_nothing(self, oem: Oem, ending: Ending) -> None:
        assert (await found(oem, ending)).kind is OutcomeKind.NOTHING_FOUND

    async def test_that_the_oem_does_not_offer_is_not_declared_and_finds_nothing(self, oem: Oem) -> None:
        assert connector(oem.url).capabilities.finds_by_reference
        assert not connector(oem.url, look_up=None).capabilities.finds_by_reference
        assert (await found(oem, answer(200, {}), look_up=None)).kind is OutcomeKind.NOTHING_FOUND


class TestACancel:
    async def test_goes_to_the_operation_s_url(self, oem: Oem) -> None:
        await cancelled(oem, answer(200, {}))
        assert [(seen.method, seen.target) for seen in oem.seen] == [("DELETE", "/ops/7")]

    async def test_counts_only_by_the_oem_s_word(self, oem: Oem) -> None:
        response = await cancelled(oem, answer(200, {"op": {"state": "failed", "code": "WITHDRAWN"}}))
        assert (response.kind, response.cancelled) == (OutcomeKind.FAILED, True)
        assert (await cancelled(oem, answer(200, {}))).kind is OutcomeKind.NOTHING_FOUND
        assert (await cancelled(oem, answer(405, {}))).kind is OutcomeKind.NOTHING_FOUND

    async def test_can_count_by_its_status(self, oem: Oem) -> None:
        response = await cancelled(oem, answer(204, ""), cancel={"cancelled_by_status": [204]})
        assert (response.kind, response.cancelled) == (OutcomeKind.FAILED, True)

    async def test_reads_no_word_where_the_definition_does_not_say_what_it_is(self, oem: Oem) -> None:
        response = await cancelled(oem, answer(200, {"op": {"state": "done"}}), cancel={})
        assert response.kind is OutcomeKind.NOTHING_FOUND

    async def test_that_comes_too_late_hears_that_it_was_done(self, oem: Oem) -> None:
        response = await cancelled(oem, answer(200, {"op": {"state": "done"}}))
        assert response.kind is OutcomeKind.SUCCEEDED
