"""The same command of a vehicle in flight is joined, until its outcome can be asked for again or an opposite came."""

import pytest

from keyturn.clock import after
from keyturn.commands.admission.requests import PostAnswer
from keyturn.commands.model import lifecycle
from keyturn.commands.model.record import Command
from keyturn.commands.model.states import State
from keyturn.connectors.responses import OutcomeKind
from tests.commands.model.drafts import draft, written
from tests.support.command_env import PARKED, CommandEnv, not_none
from tests.support.enrolment import NOW


def post(env: CommandEnv, command: str, **fields: str) -> PostAnswer | None:
    """The answer of a POST that is not held."""
    return env.ask(command, **fields).answer


def test_joined_request_is_answered_with_the_record_in_flight(env: CommandEnv) -> None:
    running = env.register("start")
    env.clock.advance(7)

    answer = not_none(post(env, "start"))

    assert (answer.http_status, answer.body["id"], answer.body["status"]) == (200, running.id, "Pending")
    assert answer.body["created"] == "2023-11-14 19:13:20"
    assert env.told(running) == ["command.registered", "command.coalesced"]
    assert env.rows("SELECT count(*) FROM command") == [(1,)]


def test_a_colleague_joins_too_and_the_timeline_says_who(env: CommandEnv) -> None:
    running = env.register("start")

    answer = not_none(post(env, "start", application_id=env.names.colleague))

    assert answer.body["id"] == running.id
    assert env.rows("SELECT actor FROM entry WHERE kind = 'command.coalesced'") == [(env.names.colleague,)]


def in_state(env: CommandEnv, state: State, name: str) -> Command:
    return env.do(written, draft(env.names, state, name), segment=0)


@pytest.mark.parametrize("name", ["start", "location"])
def test_repeated_request_joins_whatever_is_in_flight(env: CommandEnv, name: str) -> None:
    for state in (State.AWAITING_APPROVAL, State.QUEUED, State.DISPATCHING, State.ACCEPTED, State.UNKNOWN):
        running = in_state(env, state, name)
        assert not_none(post(env, name)).body["id"] == running.id, state
        env.do(lifecycle.close, running.id)


@pytest.mark.parametrize("finish", [OutcomeKind.SUCCEEDED, OutcomeKind.FAILED, OutcomeKind.REFUSED])
def test_ended_command_is_not_joined(env: CommandEnv, finish: OutcomeKind) -> None:
    ended = env.accept("lock_door")
    env.respond(ended, finish)

    assert env.register("lock_door").id != ended.id


def test_a_restoring_command_whose_outcome_is_unknown_is_not(env: CommandEnv) -> None:
    lost = env.lose("cancel_start")

    assert env.register("cancel_start").id != lost.id


def test_an_unknown_one_is_joined_until_its_answer_deadline(env: CommandEnv) -> None:
    lost = env.lose("start")
    env.clock.advance(299.999)
    assert not_none(post(env, "start")).body["id"] == lost.id
    env.clock.advance(0.001)
    env.lapse(lost)

    assert env.register("start").id != lost.id


def test_unknown_command_is_not_joined_from_its_answer_deadline_on(env: CommandEnv) -> None:
    lost = env.lose("start")
    env.clock.advance(300)

    assert env.register("start").id != lost.id


def test_joining_what_shows_error_is_its_502_again(env: CommandEnv) -> None:
    failed = not_none(env.respond(env.send("start"), OutcomeKind.NO_OPERATION))

    answer = not_none(post(env, "start"))

    assert (answer.http_status, answer.body["id"], answer.body["status"]) == (502, failed.id, "Error")
    assert answer.body["detail"] == "Failed to initiate command with the OEM or retrieve status URL."


def test_a_later_opposite_ends_the_joining(env: CommandEnv) -> None:
    first = env.accept("start")
    env.register("cancel_start")

    second = env.register("start")

    assert second.id != first.id
    assert not_none(post(env, "start")).body["id"] == second.id


def test_a_policy_does_not_refuse_what_is_running_already(env: CommandEnv) -> None:
    running = env.accept("start")
    env.report({"ignition_disabled": True})

    assert not_none(post(env, "start")).body["id"] == running.id


def test_a_code_with_another_command_is_ignored(env: CommandEnv) -> None:
    running = env.register("start")

    assert not_none(env.ask("start", "000000").answer).body["id"] == running.id


def test_the_first_step_of_a_command_in_flight_answers_its_record_and_issues_no_code(env: CommandEnv) -> None:
    env.report(PARKED)
    running = env.register("disable_ignition")

    answer = not_none(post(env, "disable_ignition", application_id=env.names.colleague))

    assert (answer.body["id"], answer.body["status"]) == (running.id, "Pending")
    assert env.rows("SELECT count(*) FROM open_code") == [(0,)]


def test_redeeming_after_another_came_into_flight_joins_it(env: CommandEnv) -> None:
    env.report(PARKED)
    own, code = env.first_step("disable_ignition")
    running = env.register("disable_ignition", application_id=env.names.colleague)
    env.clock.advance(7)

    answer = not_none(env.ask("disable_ignition", code).answer)

    row = env.row(own)
    assert (answer.http_status, answer.body["id"]) == (200, running.id)
    assert (row.state, row.status, row.detail) == (State.CANCELLED, "Error", f'"Joined command {running.id}."')
    assert row.redeemed_at == after(NOW, 7)
    assert env.refused("disable_ignition", code).detail == "Confirmation already used"


def test_a_read_of_a_kind_runs_once_and_two_kinds_side_by_side(env: CommandEnv) -> None:
    location, diagnostics = env.send("location"), env.send("diagnostics")

    assert {location.state, diagnostics.state} == {State.DISPATCHING}
    assert not_none(post(env, "location")).body["id"] == location.id


def test_while_a_post_waits_its_row_says_until_when(env: CommandEnv) -> None:
    assert env.register("start").post_until == after(NOW, 5)


def test_without_a_wait_every_accepted_command_is_pending_at_once(env: CommandEnv) -> None:
    env.behind(initiate_wait=0.0)

    answer = not_none(post(env, "start"))

    assert (answer.http_status, answer.body["status"]) == (200, "Pending")


def test_without_a_wait_what_acceptance_refuses_is_refused(env: CommandEnv) -> None:
    env.behind(initiate_wait=0.0)
    env.report({"speed": 3})

    answer = not_none(post(env, "lock_door"))

    assert (answer.http_status, answer.body["status"]) == (409, "Error")
    assert answer.body["detail"] == "Precondition not met: The vehicle must not be moving."
