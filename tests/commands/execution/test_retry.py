"""What cannot have happened and is temporary is tried again, later and later, while there is time."""

import pytest

from keyturn.clock import after
from keyturn.commands.admission.service import end_of_wait
from keyturn.commands.execution.intent import hold_back_unsent
from keyturn.commands.model.record import Command
from keyturn.commands.model.states import State
from keyturn.connectors.responses import OutcomeKind
from tests.support.command_env import CommandEnv, not_none
from tests.support.enrolment import NOW

NOT_SENT = "Failed to send command to the OEM."


def bounce(env: CommandEnv, command: Command, **said: object) -> Command:
    """Sent, and not taken for now."""
    sent = not_none(env.intent(command))
    return not_none(env.respond(sent, OutcomeKind.NOT_TAKEN, temporary=True, **said))


def answered(env: CommandEnv, command: Command) -> Command:
    return not_none(env.do(end_of_wait, command.id))


def test_the_pauses_double_up_to_four_seconds(env: CommandEnv) -> None:
    command = answered(env, env.register("start"))
    pauses = []
    for _ in range(6):
        command = bounce(env, command)
        pauses.append(((command.not_before or 0) - env.clock.now()) / 1e6)
        env.clock.advance(pauses[-1])

    assert pauses == [0.5, 1, 2, 4, 4, 4]
    assert command.attempts == 6


def test_retry_waits_as_long_as_the_oem_asks(env: CommandEnv) -> None:
    waiting = bounce(env, env.register("start"), retry_after=3.5)

    assert waiting.not_before == after(NOW, 3.5)


def test_retry_is_not_sent_before_its_time(env: CommandEnv) -> None:
    waiting = bounce(env, env.register("start"))
    env.clock.advance(0.499)
    assert env.intent(waiting) is None
    env.clock.advance(0.001)

    assert not_none(env.intent(waiting)).state is State.DISPATCHING


def test_meanwhile_it_is_queued_at_its_old_place_and_cannot_have_happened(env: CommandEnv) -> None:
    command = env.register("start")

    waiting = bounce(env, command)

    assert (waiting.state, waiting.may_have_executed, waiting.status) == (State.QUEUED, False, "Pending")
    assert (waiting.lane_number, waiting.send_deadline) == (command.lane_number, command.send_deadline)
    assert (waiting.send_by, waiting.answer_deadline) == (None, None)
    assert not_none(env.open_row(command)).segment == 0


def test_refusal_that_is_not_temporary_fails_at_once(env: CommandEnv) -> None:
    failed = not_none(env.respond(env.send("start"), OutcomeKind.NOT_TAKEN))

    assert (failed.state, failed.detail) == (State.FAILED, f'"{NOT_SENT}"')
    assert (failed.post_code, failed.post_detail) == (502, NOT_SENT)


def test_oem_pause_beyond_the_send_deadline_fails_at_once(env: CommandEnv) -> None:
    sent = env.send("start")

    assert not_none(env.respond(sent, OutcomeKind.NOT_TAKEN, temporary=True, retry_after=60)).state is State.FAILED


COMMANDS = ["start", "location", "cancel_alert"]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_post_that_stops_waiting_for_it_is_pending_and_it_goes_on(env: CommandEnv, command: str) -> None:
    waiting = bounce(env, env.register(command))
    env.clock.advance(5)

    pending = answered(env, waiting)

    assert (pending.state, pending.post_code, pending.status) == (State.QUEUED, 200, "Pending")
    assert not_none(env.intent(pending)).state is State.DISPATCHING


@pytest.mark.parametrize("command", COMMANDS)
def test_post_is_pending_when_the_oem_answers_after_its_wait_was_over(env: CommandEnv, command: str) -> None:
    sent = env.send(command)
    env.clock.advance(5)

    waiting = not_none(env.respond(sent, OutcomeKind.NOT_TAKEN, temporary=True))

    assert (waiting.state, waiting.post_code) == (State.QUEUED, 200)


@pytest.mark.parametrize(("pause", "code"), [(4.9, None), (5.0, 200), (59.9, 200)])
def test_a_post_that_would_not_see_the_next_try_is_pending_at_once(
    env: CommandEnv, pause: float, code: int | None
) -> None:
    waiting = bounce(env, env.register("start"), retry_after=pause)

    assert (waiting.state, waiting.post_code) == (State.QUEUED, code)


@pytest.mark.parametrize(("pause", "state", "code"), [(4, "Queued", None), (20, "Queued", 200), (60, "Failed", 502)])
def test_an_oem_that_is_left_alone_is_waited_for_likewise(env: CommandEnv, pause: float, state: str, code: int) -> None:
    queued = env.register("start")

    env.do(hold_back_unsent, queued.id, after(NOW, pause), "oem")

    held = env.row(queued)
    assert (held.state, held.post_code, held.cause) == (state, code, "oem")


def test_meanwhile_a_request_joins_it(env: CommandEnv) -> None:
    waiting = bounce(env, env.register("start"), retry_after=12)

    joined = not_none(env.ask("start").answer)

    assert (joined.http_status, joined.body["status"], joined.body["id"]) == (200, "Pending", waiting.id)


def test_the_replay_of_its_key_is_pending_even_when_it_has_failed(env: CommandEnv) -> None:
    """The same code and status as the first time."""
    sent = not_none(env.intent(env.register("start", idempotency_key="k", request_hash="h")))
    waiting = not_none(env.respond(sent, OutcomeKind.NOT_TAKEN, temporary=True, retry_after=12))
    asked = {"idempotency_key": "k", "request_hash": "h"}
    assert not_none(env.ask("start", **asked).answer).http_status == 200
    env.clock.advance(60)
    assert not_none(env.lapse(waiting)).state is State.FAILED

    replayed = not_none(env.ask("start", **asked).answer)
    assert (replayed.http_status, replayed.body["status"], replayed.body["id"]) == (200, "Pending", waiting.id)


@pytest.mark.parametrize("noticed_by", ["the sweep", "its turn"])
def test_command_that_was_tried_until_its_deadline_has_failed(env: CommandEnv, noticed_by: str) -> None:
    waiting = bounce(env, env.register("start"), retry_after=30)
    assert waiting.cause == "oem"
    env.clock.advance(60)

    if noticed_by == "the sweep":
        env.lapse(waiting)
    else:
        env.intent(waiting)

    failed = env.row(waiting)
    assert (failed.state, failed.detail, failed.cause) == (State.FAILED, f'"{NOT_SENT}"', "oem")
    assert (failed.may_have_executed, failed.outcome) == (False, "not_taken")


def test_command_that_was_never_tried_has_expired(env: CommandEnv) -> None:
    queued = env.register("start")
    env.clock.advance(60)

    assert not_none(env.lapse(queued)).detail == '"Not sent in time."'


def test_pending_command_is_tried_until_the_send_deadline(env: CommandEnv) -> None:
    command = answered(env, env.register("start"))
    env.clock.advance(50)
    waiting = bounce(env, command)
    assert waiting.state is State.QUEUED
    env.clock.advance(9.5)

    assert (
        not_none(env.respond(not_none(env.intent(waiting)), OutcomeKind.NOT_TAKEN, temporary=True)).state
        is State.FAILED
    )


@pytest.mark.parametrize("sent", [False, True])
def test_a_post_that_stops_waiting_for_what_is_alive_says_pending(env: CommandEnv, sent: bool) -> None:
    command = env.send("start") if sent else env.register("start")

    after_wait = answered(env, command)

    assert (after_wait.state, after_wait.post_code) == (command.state, 200)


def test_a_post_on_its_second_try_is_not_told_502(env: CommandEnv) -> None:
    waiting = bounce(env, env.register("start"))
    env.clock.advance(1)
    again = not_none(env.intent(waiting))
    env.clock.advance(4)

    assert (answered(env, again).post_code, env.row(again).state) == (200, State.DISPATCHING)


def test_a_post_that_has_its_answer_keeps_it(env: CommandEnv) -> None:
    accepted = env.accept("start")

    assert answered(env, accepted) == accepted


def test_a_command_nobody_knows_has_no_answer(env: CommandEnv) -> None:
    assert env.do(end_of_wait, "unheard of") is None
