"""What the passing of a deadline does, and that nothing is done before it."""

import pytest

from keyturn.clock import after
from keyturn.commands.admission.service import end_of_wait
from keyturn.commands.model import lifecycle, record
from keyturn.commands.model.states import State
from keyturn.connectors.responses import OutcomeKind
from tests.commands.model.drafts import draft, written
from tests.support.command_env import CommandEnv, not_none
from tests.support.enrolment import NOW


def test_a_queued_command_expires_at_its_send_deadline(env: CommandEnv) -> None:
    queued = env.register("start")
    env.clock.advance(59.999)
    assert env.lapse(queued) is None
    env.clock.advance(0.001)

    expired = not_none(env.lapse(queued))

    assert (expired.state, expired.detail) == (State.EXPIRED, '"Not sent in time."')


@pytest.mark.parametrize(
    ("command", "seconds"),
    [("location", 60), ("alert", 60), ("lock_door", 60), ("start", 60), ("cancel_alert", 120), ("cancel_start", 120)],
)
def test_each_command_waits_this_long_to_be_sent(env: CommandEnv, command: str, seconds: float) -> None:
    assert env.register(command).send_deadline == after(NOW, seconds)


@pytest.mark.parametrize("command", ["disable_ignition", "enable_ignition"])
def test_the_ignition_pair_waits_two_minutes_from_its_redemption(env: CommandEnv, command: str) -> None:
    _, code = env.first_step(command)
    env.clock.advance(100)

    queued = not_none(env.ask(command, code).waiting)

    assert queued.send_deadline == after(NOW, 220)


@pytest.mark.parametrize(
    ("command", "seconds"),
    [("location", 300), ("start", 300), ("cancel_start", 300), ("enable_ignition", 600)],
)
def test_each_command_waits_this_long_for_its_answer_from_the_sending(
    env: CommandEnv, command: str, seconds: float
) -> None:
    queued = env.register(command)
    env.clock.advance(30)

    assert not_none(env.intent(queued)).answer_deadline == after(NOW, 30 + seconds)


def test_a_sending_without_an_answer_is_unknown_30_seconds_after_its_last_moment(env: CommandEnv) -> None:
    sent = env.send("start")
    env.clock.advance(5)
    assert env.lapse(sent) is None
    env.clock.advance(29.999)
    assert env.lapse(sent) is None
    assert env.see(record.open_due, 10, 30.0) == []
    env.clock.advance(0.001)
    assert [row.command_id for row in env.see(record.open_due, 10, 30.0)] == [sent.id]

    unknown = not_none(env.lapse(sent))

    assert (unknown.state, unknown.outcome, unknown.may_have_executed) == (State.UNKNOWN, "unclear", True)


def test_until_then_it_keeps_the_lane(env: CommandEnv) -> None:
    sent = env.send("start")
    waiting = env.register("alert")
    env.clock.advance(34)
    env.lapse(sent)
    assert env.intent(waiting) is None
    env.clock.advance(1)
    env.lapse(sent)

    assert env.intent(waiting) is not None


def test_an_accepted_command_is_unknown_and_shown_as_error_at_its_answer_deadline(env: CommandEnv) -> None:
    accepted = env.accept("start")
    env.clock.advance(299.999)
    assert env.lapse(accepted) is None
    env.clock.advance(0.001)

    unknown = not_none(env.lapse(accepted))

    assert (unknown.state, unknown.status, unknown.outcome, unknown.cause) == (
        State.UNKNOWN,
        "Error",
        "no_answer",
        "reachability",
    )
    assert env.told(accepted)[-2:] == ["command.Unknown", "command.revealed"]


def test_a_read_without_an_answer_has_executed_nothing(env: CommandEnv) -> None:
    accepted = env.accept("location")
    env.clock.advance(300)

    assert not_none(env.lapse(accepted)).detail == '"No answer from the vehicle."'


def test_an_executed_command_that_nobody_verified_is_let_go_after_a_day(env: CommandEnv) -> None:
    done = env.execute("start")
    env.clock.advance(86_400)

    assert env.lapse(done) is None

    assert env.open_row(done) is None
    assert env.row(done) == done


def test_a_command_that_nobody_knows_does_not_lapse(env: CommandEnv) -> None:
    unheard_of = draft(env.names)

    assert env.lapse(unheard_of) is None


@pytest.mark.parametrize("state", [State.QUEUED, State.DISPATCHING, State.ACCEPTED, State.UNKNOWN])
def test_every_open_command_states_a_bound_at_which_it_is_looked_at(env: CommandEnv, state: State) -> None:
    command = env.do(written, draft(env.names, state))

    assert lifecycle.deadline(command) > NOW
    assert env.rows("SELECT wake_at FROM open_command") == [(lifecycle.deadline(command),)]


def test_what_is_being_sent_is_left_to_its_sender_whatever_any_clock_says(env: CommandEnv) -> None:
    sent = env.send("start")

    for _ in range(2):
        env.clock.advance(3_600)
        env.sweep(frozenset({sent.id}))
    assert env.row(sent).state is State.DISPATCHING

    env.sweep()
    assert env.row(sent).state is State.UNKNOWN


def test_on_a_store_of_its_own_a_node_gives_up_at_once_what_an_earlier_process_was_sending(env: CommandEnv) -> None:
    sent = env.send("start")
    env.clock.advance(35)

    env.sweep()

    assert env.row(sent).state is State.UNKNOWN


def test_what_another_node_may_be_sending_is_not_given_up_by_a_wall_clock_that_jumps(env: CommandEnv) -> None:
    """The other node's `send_by` holds on its boot clock: it can send for 5 s after its intent."""
    env.share(peer_send_timeout=5.0)
    sent = env.send("start")
    env.clock.set_wall(3_600)

    env.sweep()
    env.clock.advance(4.9)
    env.sweep()
    assert env.row(sent).state is State.DISPATCHING

    env.clock.advance(0.2)
    env.sweep()
    assert env.row(sent).state is State.UNKNOWN


def test_each_sending_of_a_command_has_this_time_for_itself(env: CommandEnv) -> None:
    env.share(peer_send_timeout=5.0)
    sent = env.send("start")
    env.do(end_of_wait, sent.id)
    env.clock.set_wall(40)
    env.sweep()
    env.clock.advance(4)
    env.respond(sent, OutcomeKind.NOT_TAKEN, temporary=True)
    env.clock.advance(2)
    again = not_none(env.intent(sent))
    env.clock.set_wall(60)

    env.sweep()

    assert env.row(again) == again
