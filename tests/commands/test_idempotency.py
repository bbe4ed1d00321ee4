"""The same key and request lead to the same record for a day."""

from typing import Any

import pytest

from keyturn.commands.desk import end_of_wait
from keyturn.commands.intake import end_confirmation
from keyturn.commands.request import PostAnswer
from keyturn.commands.states import State
from keyturn.connectors.port import Verdict

from .installation import VIN
from .yard import PARKED, Yard, sure

REUSED = (422, "Idempotency-Key was used for a different request.")


def post(yard: Yard, command: str = "start", code: object = None, **fields: Any) -> PostAnswer | None:
    """The answer, unless it is still awaited."""
    return yard.ask(command, code, **{"idempotency_key": "k", "request_hash": f"{command} {code}", **fields}).answer


def commands(yard: Yard) -> int:
    ((count,),) = yard.rows("SELECT count(*) FROM command")
    return int(count)


def refusal(yard: Yard, command: str, code: object = None, **fields: Any) -> tuple[int, str]:
    given = {"idempotency_key": "k", "request_hash": f"{command} {code}", **fields}
    refused = yard.refused(command, code, **given)
    return refused.http_status, refused.detail


def test_while_the_first_waits_the_second_is_pending(yard: Yard) -> None:
    assert post(yard) is None

    again = sure(post(yard))

    assert (again.http_status, again.body["status"]) == (200, "Pending")
    assert commands(yard) == 1


@pytest.mark.parametrize("verdict", [Verdict.SUCCEEDED, Verdict.UNCLEAR, Verdict.REFUSED, Verdict.NOT_TAKEN])
def test_afterwards_it_is_what_the_first_was_answered(yard: Yard, verdict: Verdict) -> None:
    post(yard)
    ((command_id,),) = yard.rows("SELECT id FROM command")
    ended = sure(yard.hear(sure(yard.intent(yard.row(command_id))), verdict, preconditions=(5,)))

    again = sure(post(yard))

    expected = {Verdict.REFUSED: 409, Verdict.NOT_TAKEN: 502}.get(verdict, 200)
    assert (again.http_status, again.body["id"]) == (expected, ended.id)
    assert again.body["status"] == ("Pending" if expected == 200 else "Error")
    assert again.body.get("detail") == ended.post_detail
    assert commands(yard) == 1


def test_a_refused_record_is_repeated_too(yard: Yard) -> None:
    yard.report({"speed": 40.0})
    first = sure(post(yard))
    yard.clock.advance(1)
    yard.report(PARKED)

    assert sure(post(yard)) == first


def test_nothing_is_judged_again(yard: Yard) -> None:
    post(yard)
    yard.administer("vehicle set", vehicle=VIN, plan="location")

    assert sure(post(yard, grants=frozenset())).http_status == 200


def test_another_request_under_the_key_is_refused(yard: Yard) -> None:
    post(yard)

    assert refusal(yard, "lock_door") == REUSED
    assert commands(yard) == 1


def test_what_was_refused_before_it_was_registered_leaves_the_key_free(yard: Yard) -> None:
    assert refusal(yard, "no_such_command") == (404, "Command not found or unauthorized access.")

    assert post(yard, "alert") is None


def test_the_key_is_the_applications_own(yard: Yard) -> None:
    post(yard)

    assert post(yard, "location", application_id=yard.names.colleague) is None
    assert commands(yard) == 2


def test_after_a_day_it_is_free(yard: Yard) -> None:
    post(yard, "location")
    yard.clock.advance(86_399.999999)
    assert sure(post(yard, "location")).http_status == 200
    yard.clock.advance(0.000001)

    post(yard, "alert")

    assert commands(yard) == 2


def test_a_joining_answer_is_repeated_as_it_was(yard: Yard) -> None:
    running = yard.accept("start")
    joined = sure(post(yard))
    yard.hear(running, Verdict.FAILED)

    assert sure(post(yard)) == joined
    assert joined.body["id"] == running.id


def test_a_joined_502_is_repeated_as_it_was(yard: Yard) -> None:
    failed = sure(yard.hear(yard.send("start"), Verdict.NO_OPERATION))
    joined = sure(post(yard))
    yard.hear(failed, Verdict.SUCCEEDED)

    assert sure(post(yard)) == joined
    assert (joined.http_status, joined.body["status"]) == (502, "Error")


def test_an_open_confirmation_gets_a_new_code_under_its_id_with_its_tries_kept(yard: Yard) -> None:
    yard.codes_to_come = ["111111", "222222"]
    first = sure(post(yard, "enable_ignition"))
    for _ in range(4):
        yard.ask("enable_ignition", "999999")
    yard.clock.advance(200)

    again = sure(post(yard, "enable_ignition"))

    assert (again.body["id"], again.body["code"], again.body["status"]) == (first.body["id"], "222222", "Confirmation")
    assert yard.refused("enable_ignition", "111111").http_status == 400
    assert yard.row(str(first.body["id"])).state is State.CANCELLED, "that was the fifth wrong try"


def test_and_five_new_minutes(yard: Yard) -> None:
    post(yard, "enable_ignition")
    yard.clock.advance(200)
    code = sure(post(yard, "enable_ignition")).body["code"]
    yard.clock.advance(299)

    assert yard.ask("enable_ignition", code).refusal is None


def test_once_redeemed_it_answers_as_step_two_did(yard: Yard) -> None:
    yard.report({**PARKED, "speed": 40.0})
    code = sure(post(yard, "disable_ignition")).body["code"]
    second = sure(yard.ask("disable_ignition", code).answer)

    assert sure(post(yard, "disable_ignition")) == second
    assert second.http_status == 409


def test_so_it_does_when_step_two_joined_another_record(yard: Yard) -> None:
    yard.report(PARKED)
    code = sure(post(yard, "disable_ignition")).body["code"]
    yard.register("disable_ignition", application_id=yard.names.colleague)
    second = sure(yard.ask("disable_ignition", code).answer)

    assert sure(post(yard, "disable_ignition")) == second


@pytest.mark.parametrize("end", ["expired, swept", "expired, not swept", "killed", "replaced"])
def test_once_its_code_is_dead_the_key_is_free(yard: Yard, end: str) -> None:
    first = sure(post(yard, "enable_ignition"))
    if end == "killed":
        for _ in range(5):
            yard.ask("enable_ignition", "999999")
    elif end == "replaced":
        yard.first_step("enable_ignition")
    else:
        yard.clock.advance(300)
    if end == "expired, swept":
        yard.do(end_confirmation, str(first.body["id"]), expired=True)

    assert sure(post(yard, "enable_ignition")).body["id"] != first.body["id"]


def test_a_dead_codes_key_serves_another_request(yard: Yard) -> None:
    post(yard, "enable_ignition")
    yard.clock.advance(300)

    assert post(yard, "alert") is None


def test_step_two_is_safely_repeated_with_a_key(yard: Yard) -> None:
    _, code = yard.first_step("enable_ignition")
    waiting = sure(yard.ask("enable_ignition", code, idempotency_key="k", request_hash="two").waiting)
    yard.do(end_of_wait, waiting.id)

    again = sure(yard.ask("enable_ignition", code, idempotency_key="k", request_hash="two").answer)

    assert (again.http_status, again.body["id"], again.body["status"]) == (200, waiting.id, "Pending")


def test_a_superseded_commands_key_is_not_free(yard: Yard) -> None:
    post(yard)
    yard.register("cancel_start")

    again = sure(post(yard))

    assert (again.http_status, again.body["status"]) == (200, "Pending")
    assert refusal(yard, "alert") == REUSED
