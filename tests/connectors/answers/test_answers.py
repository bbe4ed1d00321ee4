"""Mapping of the OEM's responses by the definition's tables."""

from typing import Any

import pytest

from keyturn.connectors.responses import OemResponse, Operation, OutcomeKind
from tests.connectors.definitions import OPERATION, SYNC, connector
from tests.connectors.orders import order
from tests.support.clock import RunningClock
from tests.support.oem import Ending, Oem, answer

pytestmark = pytest.mark.anyio

TEN_O_CLOCK = 1_714_557_600_000_000
"""2024-05-01T10:00:00Z."""
SEVEN = Operation(id="7")
PLACE = {"latitude": 1.5, "longitude": 0}


async def sent(
    oem: Oem, ending: Ending, base: dict[str, Any] = OPERATION, name: str = "start", **changes: Any
) -> OemResponse:
    sender = connector(oem.url, base, **changes)
    oem.answer_with(ending)
    answered = await sender.send(order(RunningClock(), name))
    await sender.close()
    return answered


class TestTheFirstAnswer:
    async def test_names_the_operation_to_ask_about(self, oem: Oem) -> None:
        answered = await sent(oem, answer(202, {"op": {"id": 7, "url": f"{oem.url}/ops/7?x=1"}}))
        assert answered.kind is OutcomeKind.IN_PROGRESS
        assert answered.operation == Operation(id="7", url=f"{oem.url}/ops/7?x=1")

    async def test_may_name_it_by_a_path_of_its_own_origin(self, oem: Oem) -> None:
        answered = await sent(oem, answer(202, {"op": {"url": "/ops/7"}}))
        assert answered.operation == Operation(url=f"{oem.url}/ops/7")

    @pytest.mark.parametrize(
        "url",
        [
            "https://evil.example/ops/7",
            "//evil.example/ops/7",
            "http://localhost:1/ops/7",
            "ftp://localhost/7",
            7,
            "",
        ],
    )
    async def test_with_a_url_elsewhere_is_asked_about_by_the_template(self, oem: Oem, url: object) -> None:
        answered = await sent(oem, answer(202, {"op": {"id": "7", "url": url}}))
        assert answered.operation == SEVEN

    async def test_with_a_user_in_its_url_is_asked_about_by_the_template(self, oem: Oem) -> None:
        answered = await sent(oem, answer(202, {"op": {"id": "7", "url": f"http://user@localhost:{oem.port}/ops/7"}}))
        assert answered.operation == SEVEN

    async def test_with_a_url_elsewhere_and_no_template_has_no_usable_operation(self, oem: Oem) -> None:
        answered = await sent(oem, answer(202, {"op": {"id": "7", "url": "https://evil.example/7"}}), status={})
        assert answered.kind is OutcomeKind.NO_OPERATION

    async def test_may_point_to_a_listed_origin(self, oem: Oem) -> None:
        listed: dict[str, Any] = {"trusted_origins": ["https://status.oem.example"]}
        answered = await sent(oem, answer(202, {"op": {"url": "https://status.oem.example/7"}}), **listed)
        assert answered.operation == Operation(url="https://status.oem.example/7")

    @pytest.mark.parametrize("id_", ["", "..", "x" * 257, "a\x00b", None, ["7"], {"id": 7}])
    async def test_with_an_unusable_id_has_no_usable_operation(self, oem: Oem, id_: object) -> None:
        assert (await sent(oem, answer(202, {"op": {"id": id_}}))).kind is OutcomeKind.NO_OPERATION

    @pytest.mark.parametrize("body", ["", "<<<", "[" * 60_000, "null", "[1]", '{"op": null}', b"\xff\xfe"])
    async def test_with_a_body_that_says_nothing_has_no_usable_operation(self, oem: Oem, body: str) -> None:
        assert (await sent(oem, answer(200, body))).kind is OutcomeKind.NO_OPERATION

    async def test_does_not_end_the_command_by_a_word_unless_the_definition_says_so(self, oem: Oem) -> None:
        ending = answer(202, {"op": {"id": "7", "state": "done"}})
        assert (await sent(oem, ending)).kind is OutcomeKind.IN_PROGRESS
        final = await sent(oem, ending, accepted={**OPERATION["accepted"], "state": "op.state"})
        assert final.kind is OutcomeKind.SUCCEEDED

    @pytest.mark.parametrize("status", [400, 403, 404, 408, 429, 502, 504])
    async def test_that_is_not_listed_may_have_happened(self, oem: Oem, status: int) -> None:
        assert (await sent(oem, answer(status, {"code": "LOCKED_OUT"}))).kind is OutcomeKind.UNCLEAR

    async def test_is_told_apart_by_its_code_where_the_table_asks_for_both(self, oem: Oem) -> None:
        busy, other = await sent(oem, answer(409, {"code": "BUSY"})), await sent(oem, answer(409, {"code": "OTHER"}))
        assert (busy.kind, busy.temporary) == (OutcomeKind.NOT_TAKEN, True)
        assert other.kind is OutcomeKind.UNCLEAR

    async def test_can_say_that_it_was_so_already(self, oem: Oem) -> None:
        by_status, by_code = await sent(oem, answer(208, {})), await sent(oem, answer(409, {"code": "SO_ALREADY"}))
        assert [(each.kind, each.already_done) for each in (by_status, by_code)] == [(OutcomeKind.SUCCEEDED, True)] * 2

    async def test_can_be_listed_as_a_failure_with_the_mapped_text(self, oem: Oem) -> None:
        answered = await sent(oem, answer(422, {"code": "LOCKED_OUT", "message": "raw"}))
        assert (answered.kind, answered.detail) == (OutcomeKind.FAILED, "The vehicle is in service.")

    async def test_carries_the_oem_s_wish_to_be_left_alone(self, oem: Oem) -> None:
        assert (await sent(oem, answer(503, {}, Retry_After="12"))).retry_after == 12.0
        by_date = await sent(oem, answer(503, {}, Retry_After="Wed, 21 Oct 2015 07:28:00 GMT"))
        assert by_date.retry_after == 0.0
        assert (await sent(oem, answer(503, {}, Retry_After="soon"))).retry_after is None

    async def test_of_exactly_64_kib_is_read_and_one_byte_more_is_not(self, oem: Oem) -> None:
        start = b'{"op": {"id": "7"}, "pad": "'
        whole = start + b"x" * (65_536 - len(start) - 2) + b'"}'
        assert (await sent(oem, answer(202, whole))).kind is OutcomeKind.IN_PROGRESS
        assert (await sent(oem, answer(202, whole + b" "))).kind is OutcomeKind.UNCLEAR


class TestAnAnswerThatIsTheResult:
    async def test_succeeds_by_its_word_with_time_and_data(self, oem: Oem) -> None:
        body = {
            "op": {
                "state": "done",
                "at": "2024-05-01T07:00:00-03:00",
                "data": {"latitude": -23.5, "longitude": -46, "n": 1},
            }
        }
        answered = await sent(oem, answer(200, body), SYNC, "location")
        assert answered.kind is OutcomeKind.SUCCEEDED
        assert (answered.completed_at, answered.data) == (TEN_O_CLOCK, {"latitude": -23.5, "longitude": -46})

    async def test_with_an_unknown_word_may_have_happened(self, oem: Oem) -> None:
        assert (await sent(oem, answer(200, {"op": {"state": "odd"}}), SYNC)).kind is OutcomeKind.NO_OPERATION

    async def test_fails_by_its_word_and_code(self, oem: Oem) -> None:
        answered = await sent(oem, answer(200, {"op": {"state": "failed", "code": "MOVING"}}), SYNC)
        assert (answered.kind, answered.preconditions) == (OutcomeKind.REFUSED, (1,))

    @pytest.mark.parametrize(
        ("ending", "verdict"),
        [
            (answer(204, ""), OutcomeKind.SUCCEEDED),
            (answer(200, {"anything": 1}), OutcomeKind.SUCCEEDED),
            (answer(200, "<html>"), OutcomeKind.NO_OPERATION),
            (answer(200, {"code": "MOVING"}), OutcomeKind.REFUSED),
            (answer(200, {"code": "NEW_CODE"}), OutcomeKind.NO_OPERATION),
        ],
        ids=["empty", "document", "not_json", "listed_error", "unlisted_error"],
    )
    async def test_without_a_state_word_succeeds_unless_it_is_an_error(
        self, oem: Oem, ending: Ending, verdict: OutcomeKind
    ) -> None:
        assert (await sent(oem, ending, SYNC, result={"error_code": "code"})).kind is verdict


class TestACommandOfItsOwnKind:
    """An OEM with operations whose position is read at once."""

    async def test_has_its_own_mode_and_result(self, oem: Oem) -> None:
        location = {
            "mode": "sync",
            "method": "GET",
            "path": "/cars/{vehicle.vin}/position",
            "result": {"completed_at": "at", "error_code": "code", "data": "{name}"},
            "data": {"latitude": {}},
        }
        commands = {"start": {}, "location": location}
        ending = answer(200, {"at": "2024-05-01T10:00:00Z", "latitude": -23.5, "op": {"id": "7"}})
        read = await sent(oem, ending, name="location", commands=commands)
        assert (read.kind, read.completed_at, read.data) == (OutcomeKind.SUCCEEDED, TEN_O_CLOCK, {"latitude": -23.5})
        assert (await sent(oem, ending, commands=commands)).kind is OutcomeKind.IN_PROGRESS
