"""What the passing of a deadline does, and that nothing is done before it."""

import pytest

from keyturn.clock import after
from keyturn.commands import lifecycle, record
from keyturn.commands.desk import end_of_wait
from keyturn.commands.states import State
from keyturn.connectors.port import Verdict

from .drafts import draft, written
from .installation import NOW
from .yard import Yard, sure


def test_a_queued_command_expires_at_its_send_deadline(yard: Yard) -> None:
    queued = yard.register("start")
    yard.clock.advance(59.999)
    assert yard.lapse(queued) is None
    yard.clock.advance(0.001)

    expired = sure(yard.lapse(queued))

    assert (expired.state, expired.detail) == (State.EXPIRED, '"Not sent in time."')


@pytest.mark.parametrize(
    ("command", "seconds"),
    [("location", 60), ("alert", 60), ("lock_door", 60), ("start", 60), ("cancel_alert", 120), ("cancel_start", 120)],
)
def test_how_long_each_waits_to_be_sent(yard: Yard, command: str, seconds: float) -> None:
    assert yard.register(command).send_deadline == after(NOW, seconds)


@pytest.mark.parametrize("command", ["disable_ignition", "enable_ignition"])
def test_the_ignition_pair_waits_two_minutes_from_its_redemption(yard: Yard, command: str) -> None:
    _, code = yard.first_step(command)
    yard.clock.advance(100)

    queued = sure(yard.ask(command, code).waiting)

    assert queued.send_deadline == after(NOW, 220)


@pytest.mark.parametrize(
    ("command", "seconds"),
    [("location", 300), ("start", 300), ("cancel_start", 300), ("enable_ignition", 600)],
)
def test_how_long_each_waits_for_its_answer_from_the_sending(yard: Yard, command: str, seconds: float) -> None:
    queued = yard.register(command)
    yard.clock.advance(30)

    assert sure(yard.intent(queued)).answer_deadline == after(NOW, 30 + seconds)


def test_a_sending_without_an_answer_is_unknown_30_seconds_after_its_last_moment(yard: Yard) -> None:
    sent = yard.send("start")
    yard.clock.advance(5)
    assert yard.lapse(sent) is None
    yard.clock.advance(29.999)
    assert yard.lapse(sent) is None
    assert yard.see(record.open_due, 10, 30.0) == []
    yard.clock.advance(0.001)
    assert [row.command_id for row in yard.see(record.open_due, 10, 30.0)] == [sent.id]

    unknown = sure(yard.lapse(sent))

    assert (unknown.state, unknown.outcome, unknown.may_have_executed) == (State.UNKNOWN, "unclear", True)


def test_until_then_it_keeps_the_lane(yard: Yard) -> None:
    sent = yard.send("start")
    waiting = yard.register("alert")
    yard.clock.advance(34)
    yard.lapse(sent)
    assert yard.intent(waiting) is None
    yard.clock.advance(1)
    yard.lapse(sent)

    assert yard.intent(waiting) is not None


def test_an_accepted_command_is_unknown_and_shown_as_error_at_its_answer_deadline(yard: Yard) -> None:
    accepted = yard.accept("start")
    yard.clock.advance(299.999)
    assert yard.lapse(accepted) is None
    yard.clock.advance(0.001)

    unknown = sure(yard.lapse(accepted))

    assert (unknown.state, unknown.status, unknown.outcome, unknown.cause) == (
        State.UNKNOWN,
        "Error",
        "no_answer",
        "reachability",
    )
    assert yard.told(accepted)[-2:] == ["command.Unknown", "command.revealed"]


def test_a_read_without_an_answer_has_executed_nothing(yard: Yard) -> None:
    accepted = yard.accept("location")
    yard.clock.advance(300)

    assert sure(yard.lapse(accepted)).detail == '"No answer from the vehicle."'


def test_an_executed_command_that_nobody_verified_is_let_go_after_a_day(yard: Yard) -> None:
    done = yard.execute("start")
    yard.clock.advance(86_400)

    assert yard.lapse(done) is None

    assert yard.open_row(done) is None
    assert yard.row(done) == done


def test_a_command_that_nobody_knows_does_not_lapse(yard: Yard) -> None:
    unheard_of = draft(yard.names)

    assert yard.lapse(unheard_of) is None


@pytest.mark.parametrize("state", [State.QUEUED, State.DISPATCHING, State.ACCEPTED, State.UNKNOWN])
def test_every_open_command_states_a_bound_at_which_it_is_looked_at(yard: Yard, state: State) -> None:
    command = yard.do(written, draft(yard.names, state))

    assert lifecycle.deadline(command) > NOW
    assert yard.rows("SELECT wake_at FROM open_command") == [(lifecycle.deadline(command),)]


def test_what_is_being_sent_is_left_to_its_sender_whatever_any_clock_says(yard: Yard) -> None:
    sent = yard.send("start")

    for _ in range(2):
        yard.clock.advance(3_600)
        yard.sweep(frozenset({sent.id}))
    assert yard.row(sent).state is State.DISPATCHING

    yard.sweep()
    assert yard.row(sent).state is State.UNKNOWN


def test_on_a_store_of_its_own_a_node_gives_up_at_once_what_an_earlier_process_was_sending(yard: Yard) -> None:
    sent = yard.send("start")
    yard.clock.advance(35)

    yard.sweep()

    assert yard.row(sent).state is State.UNKNOWN


def test_what_another_node_may_be_sending_is_not_given_up_by_a_wall_clock_that_jumps(yard: Yard) -> None:
    """The other node's `send_by` holds on its boot clock: it can send for 5 s after its intent."""
    yard.share(patience=5.0)
    sent = yard.send("start")
    yard.clock.set_wall(3_600)

    yard.sweep()
    yard.clock.advance(4.9)
    yard.sweep()
    assert yard.row(sent).state is State.DISPATCHING

    yard.clock.advance(0.2)
    yard.sweep()
    assert yard.row(sent).state is State.UNKNOWN


def test_each_sending_of_a_command_has_this_time_for_itself(yard: Yard) -> None:
    yard.share(patience=5.0)
    sent = yard.send("start")
    yard.do(end_of_wait, sent.id)
    yard.clock.set_wall(40)
    yard.sweep()
    yard.clock.advance(4)
    yard.hear(sent, Verdict.NOT_TAKEN, temporary=True)
    yard.clock.advance(2)
    again = sure(yard.intent(sent))
    yard.clock.set_wall(60)

    yard.sweep()

    assert yard.row(again) == again
