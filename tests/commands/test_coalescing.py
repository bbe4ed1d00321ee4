"""The same command of a vehicle in flight is joined, until its outcome can be asked for again or an opposite came."""

import pytest

from keyturn.clock import after
from keyturn.commands import lifecycle
from keyturn.commands.record import Command
from keyturn.commands.request import PostAnswer
from keyturn.commands.states import State
from keyturn.connectors.port import Verdict

from .drafts import draft, written
from .installation import NOW
from .yard import PARKED, Yard, sure


def post(yard: Yard, command: str, **fields: str) -> PostAnswer | None:
    """The answer of a POST that is not held."""
    return yard.ask(command, **fields).answer


def test_it_is_answered_with_the_record_in_flight(yard: Yard) -> None:
    running = yard.register("start")
    yard.clock.advance(7)

    answer = sure(post(yard, "start"))

    assert (answer.http_status, answer.body["id"], answer.body["status"]) == (200, running.id, "Pending")
    assert answer.body["created"] == "2023-11-14 19:13:20"
    assert yard.told(running) == ["command.registered", "command.joined"]
    assert yard.rows("SELECT count(*) FROM command") == [(1,)]


def test_a_colleague_joins_too_and_the_timeline_says_who(yard: Yard) -> None:
    running = yard.register("start")

    answer = sure(post(yard, "start", application_id=yard.names.colleague))

    assert answer.body["id"] == running.id
    assert yard.rows("SELECT actor FROM entry WHERE kind = 'command.joined'") == [(yard.names.colleague,)]


def in_state(yard: Yard, state: State, name: str) -> Command:
    return yard.do(written, draft(yard.names, state, name), segment=0)


@pytest.mark.parametrize("name", ["start", "location"])
def test_whatever_is_in_flight_is_joined(yard: Yard, name: str) -> None:
    for state in (State.AWAITING_APPROVAL, State.QUEUED, State.DISPATCHING, State.ACCEPTED, State.UNKNOWN):
        running = in_state(yard, state, name)
        assert sure(post(yard, name)).body["id"] == running.id, state
        yard.do(lifecycle.close, running.id)


@pytest.mark.parametrize("finish", [Verdict.SUCCEEDED, Verdict.FAILED, Verdict.REFUSED])
def test_what_has_ended_is_not(yard: Yard, finish: Verdict) -> None:
    ended = yard.accept("lock_door")
    yard.hear(ended, finish)

    assert yard.register("lock_door").id != ended.id


def test_a_restoring_command_whose_outcome_is_unknown_is_not(yard: Yard) -> None:
    lost = yard.lose("cancel_start")

    assert yard.register("cancel_start").id != lost.id


def test_an_unknown_one_is_joined_until_its_answer_deadline(yard: Yard) -> None:
    lost = yard.lose("start")
    yard.clock.advance(299.999)
    assert sure(post(yard, "start")).body["id"] == lost.id
    yard.clock.advance(0.001)
    yard.lapse(lost)

    assert yard.register("start").id != lost.id


def test_at_that_deadline_it_is_not_whether_the_engine_has_looked_at_it_or_not(yard: Yard) -> None:
    lost = yard.lose("start")
    yard.clock.advance(300)

    assert yard.register("start").id != lost.id


def test_joining_what_shows_error_is_its_502_again(yard: Yard) -> None:
    failed = sure(yard.hear(yard.send("start"), Verdict.NO_OPERATION))

    answer = sure(post(yard, "start"))

    assert (answer.http_status, answer.body["id"], answer.body["status"]) == (502, failed.id, "Error")
    assert answer.body["detail"] == "Failed to initiate command with the OEM or retrieve status URL."


def test_a_later_opposite_ends_the_joining(yard: Yard) -> None:
    first = yard.accept("start")
    yard.register("cancel_start")

    second = yard.register("start")

    assert second.id != first.id
    assert sure(post(yard, "start")).body["id"] == second.id


def test_a_policy_does_not_refuse_what_is_running_already(yard: Yard) -> None:
    running = yard.accept("start")
    yard.report({"ignition_disabled": True})

    assert sure(post(yard, "start")).body["id"] == running.id


def test_a_code_with_another_command_is_ignored(yard: Yard) -> None:
    running = yard.register("start")

    assert sure(yard.ask("start", "000000").answer).body["id"] == running.id


def test_the_first_step_of_a_command_in_flight_answers_its_record_and_issues_no_code(yard: Yard) -> None:
    yard.report(PARKED)
    running = yard.register("disable_ignition")

    answer = sure(post(yard, "disable_ignition", application_id=yard.names.colleague))

    assert (answer.body["id"], answer.body["status"]) == (running.id, "Pending")
    assert yard.rows("SELECT count(*) FROM open_code") == [(0,)]


def test_redeeming_after_another_came_into_flight_joins_it(yard: Yard) -> None:
    yard.report(PARKED)
    own, code = yard.first_step("disable_ignition")
    running = yard.register("disable_ignition", application_id=yard.names.colleague)
    yard.clock.advance(7)

    answer = sure(yard.ask("disable_ignition", code).answer)

    row = yard.row(own)
    assert (answer.http_status, answer.body["id"]) == (200, running.id)
    assert (row.state, row.status, row.detail) == (State.CANCELLED, "Error", f'"Joined command {running.id}."')
    assert row.redeemed_at == after(NOW, 7)
    assert yard.refused("disable_ignition", code).detail == "Confirmation already used"


def test_a_read_of_a_kind_runs_once_and_two_kinds_side_by_side(yard: Yard) -> None:
    location, diagnostics = yard.send("location"), yard.send("diagnostics")

    assert {location.state, diagnostics.state} == {State.DISPATCHING}
    assert sure(post(yard, "location")).body["id"] == location.id


def test_while_a_post_waits_its_row_says_until_when(yard: Yard) -> None:
    assert yard.register("start").post_until == after(NOW, 5)


def test_without_a_wait_every_accepted_command_is_pending_at_once(yard: Yard) -> None:
    yard.behind(initiate_wait=0.0)

    answer = sure(post(yard, "start"))

    assert (answer.http_status, answer.body["status"]) == (200, "Pending")


def test_without_a_wait_what_acceptance_refuses_is_refused(yard: Yard) -> None:
    yard.behind(initiate_wait=0.0)
    yard.report({"speed": 3})

    answer = sure(post(yard, "lock_door"))

    assert (answer.http_status, answer.body["status"]) == (409, "Error")
    assert answer.body["detail"] == "Precondition not met: The vehicle must not be moving."
