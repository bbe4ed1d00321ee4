"""The same key and request lead to the same record for a day."""

from typing import Any

import pytest

from keyturn.commands.admission.confirmation import end_confirmation
from keyturn.commands.admission.requests import PostAnswer
from keyturn.commands.admission.service import end_of_wait
from keyturn.commands.model.states import State
from keyturn.connectors.responses import OutcomeKind
from tests.support.command_env import PARKED, CommandEnv, not_none
from tests.support.enrolment import VIN

REUSED = (422, "Idempotency-Key was used for a different request.")


def post(env: CommandEnv, command: str = "start", code: object = None, **fields: Any) -> PostAnswer | None:
    """The answer, unless it is still awaited."""
    return env.ask(command, code, **{"idempotency_key": "k", "request_hash": f"{command} {code}", **fields}).answer


def commands(env: CommandEnv) -> int:
    ((count,),) = env.rows("SELECT count(*) FROM command")
    return int(count)


def refusal(env: CommandEnv, command: str, code: object = None, **fields: Any) -> tuple[int, str]:
    given = {"idempotency_key": "k", "request_hash": f"{command} {code}", **fields}
    refused = env.refused(command, code, **given)
    return refused.http_status, refused.detail


def test_while_the_first_waits_the_second_is_pending(env: CommandEnv) -> None:
    assert post(env) is None

    again = not_none(post(env))

    assert (again.http_status, again.body["status"]) == (200, "Pending")
    assert commands(env) == 1


@pytest.mark.parametrize(
    "verdict", [OutcomeKind.SUCCEEDED, OutcomeKind.UNCLEAR, OutcomeKind.REFUSED, OutcomeKind.NOT_TAKEN]
)
def test_afterwards_it_is_what_the_first_was_answered(env: CommandEnv, verdict: OutcomeKind) -> None:
    post(env)
    ((command_id,),) = env.rows("SELECT id FROM command")
    ended = not_none(env.respond(not_none(env.intent(env.row(command_id))), verdict, preconditions=(5,)))

    again = not_none(post(env))

    expected = {OutcomeKind.REFUSED: 409, OutcomeKind.NOT_TAKEN: 502}.get(verdict, 200)
    assert (again.http_status, again.body["id"]) == (expected, ended.id)
    assert again.body["status"] == ("Pending" if expected == 200 else "Error")
    assert again.body.get("detail") == ended.post_detail
    assert commands(env) == 1


def test_a_refused_record_is_repeated_too(env: CommandEnv) -> None:
    env.report({"speed": 40.0})
    first = not_none(post(env))
    env.clock.advance(1)
    env.report(PARKED)

    assert not_none(post(env)) == first


def test_replayed_request_is_not_judged_again(env: CommandEnv) -> None:
    post(env)
    env.administer("vehicle set", vehicle=VIN, plan="location")

    assert not_none(post(env, grants=frozenset())).http_status == 200


def test_another_request_under_the_key_is_refused(env: CommandEnv) -> None:
    post(env)

    assert refusal(env, "lock_door") == REUSED
    assert commands(env) == 1


def test_what_was_refused_before_it_was_registered_leaves_the_key_free(env: CommandEnv) -> None:
    assert refusal(env, "no_such_command") == (404, "Command not found or unauthorized access.")

    assert post(env, "alert") is None


def test_the_key_is_the_applications_own(env: CommandEnv) -> None:
    post(env)

    assert post(env, "location", application_id=env.names.colleague) is None
    assert commands(env) == 2


def test_idempotency_key_is_free_after_a_day(env: CommandEnv) -> None:
    post(env, "location")
    env.clock.advance(86_399.999999)
    assert not_none(post(env, "location")).http_status == 200
    env.clock.advance(0.000001)

    post(env, "alert")

    assert commands(env) == 2


def test_a_joining_answer_is_repeated_as_it_was(env: CommandEnv) -> None:
    running = env.accept("start")
    joined = not_none(post(env))
    env.respond(running, OutcomeKind.FAILED)

    assert not_none(post(env)) == joined
    assert joined.body["id"] == running.id


def test_a_joined_502_is_repeated_as_it_was(env: CommandEnv) -> None:
    failed = not_none(env.respond(env.send("start"), OutcomeKind.NO_OPERATION))
    joined = not_none(post(env))
    env.respond(failed, OutcomeKind.SUCCEEDED)

    assert not_none(post(env)) == joined
    assert (joined.http_status, joined.body["status"]) == (502, "Error")


def test_an_open_confirmation_gets_a_new_code_under_its_id_with_its_tries_kept(env: CommandEnv) -> None:
    env.codes_to_come = ["111111", "222222"]
    first = not_none(post(env, "enable_ignition"))
    for _ in range(4):
        env.ask("enable_ignition", "999999")
    env.clock.advance(200)

    again = not_none(post(env, "enable_ignition"))

    assert (again.body["id"], again.body["code"], again.body["status"]) == (first.body["id"], "222222", "Confirmation")
    assert env.refused("enable_ignition", "111111").http_status == 400
    assert env.row(str(first.body["id"])).state is State.CANCELLED, "that was the fifth wrong try"


def test_open_confirmation_is_given_five_new_minutes(env: CommandEnv) -> None:
    post(env, "enable_ignition")
    env.clock.advance(200)
    code = not_none(post(env, "enable_ignition")).body["code"]
    env.clock.advance(299)

    assert env.ask("enable_ignition", code).refusal is None


def test_once_redeemed_it_answers_as_step_two_did(env: CommandEnv) -> None:
    env.report({**PARKED, "speed": 40.0})
    code = not_none(post(env, "disable_ignition")).body["code"]
    second = not_none(env.ask("disable_ignition", code).answer)

    assert not_none(post(env, "disable_ignition")) == second
    assert second.http_status == 409


def test_redeemed_first_step_answers_as_step_two_did_that_joined_another_record(env: CommandEnv) -> None:
    env.report(PARKED)
    code = not_none(post(env, "disable_ignition")).body["code"]
    env.register("disable_ignition", application_id=env.names.colleague)
    second = not_none(env.ask("disable_ignition", code).answer)

    assert not_none(post(env, "disable_ignition")) == second


@pytest.mark.parametrize("end", ["expired, swept", "expired, not swept", "killed", "replaced"])
def test_once_its_code_is_dead_the_key_is_free(env: CommandEnv, end: str) -> None:
    first = not_none(post(env, "enable_ignition"))
    if end == "killed":
        for _ in range(5):
            env.ask("enable_ignition", "999999")
    elif end == "replaced":
        env.first_step("enable_ignition")
    else:
        env.clock.advance(300)
    if end == "expired, swept":
        env.do(end_confirmation, str(first.body["id"]), expired=True)

    assert not_none(post(env, "enable_ignition")).body["id"] != first.body["id"]


def test_a_dead_codes_key_serves_another_request(env: CommandEnv) -> None:
    post(env, "enable_ignition")
    env.clock.advance(300)

    assert post(env, "alert") is None


def test_step_two_is_safely_repeated_with_a_key(env: CommandEnv) -> None:
    _, code = env.first_step("enable_ignition")
    waiting = not_none(env.ask("enable_ignition", code, idempotency_key="k", request_hash="two").waiting)
    env.do(end_of_wait, waiting.id)

    again = not_none(env.ask("enable_ignition", code, idempotency_key="k", request_hash="two").answer)

    assert (again.http_status, again.body["id"], again.body["status"]) == (200, waiting.id, "Pending")


def test_a_superseded_commands_key_is_not_free(env: CommandEnv) -> None:
    post(env)
    env.register("cancel_start")

    again = not_none(post(env))

    assert (again.http_status, again.body["status"]) == (200, "Pending")
    assert refusal(env, "alert") == REUSED
