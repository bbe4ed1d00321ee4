"""`open_command`: what the engine still has work with, when to look at it, who may join it, and who has the lane."""

from typing import Any

import pytest

from keyturn.clock import after
from keyturn.commands.model import lifecycle, record
from keyturn.commands.model.record import Command, OpenCommand
from keyturn.commands.model.states import State
from tests.store.adapters import adapter
from tests.support.command_env import CommandEnv, not_none
from tests.support.enrolment import NOW

from .drafts import ANSWER_DEADLINE, SEND_BY, SEND_DEADLINE, draft, written

ENDS = [
    (State.QUEUED, State.CANCELLED),
    (State.QUEUED, State.EXPIRED),
    (State.QUEUED, State.FAILED),
    (State.QUEUED, State.REFUSED),
    (State.ACCEPTED, State.FAILED),
    (State.EXECUTED, State.VERIFIED),
]
WAKES = [
    (State.CONFIRMING, State.QUEUED, SEND_DEADLINE),
    (State.QUEUED, State.DISPATCHING, after(SEND_BY, 30)),
    (State.DISPATCHING, State.QUEUED, SEND_DEADLINE),
    (State.DISPATCHING, State.ACCEPTED, ANSWER_DEADLINE),
    (State.ACCEPTED, State.UNKNOWN, ANSWER_DEADLINE),
    (State.UNKNOWN, State.EXECUTED, after(NOW, 86_400)),
]
SEGMENTS = [
    ("start", State.DISPATCHING, State.ACCEPTED, 3),
    ("start", State.DISPATCHING, State.QUEUED, 3),
    ("start", State.ACCEPTED, State.UNKNOWN, 3),
    ("start", State.ACCEPTED, State.EXECUTED, None),
    ("cancel_start", State.ACCEPTED, State.UNKNOWN, None),
    ("cancel_start", State.DISPATCHING, State.ACCEPTED, 3),
]


def moved(env: CommandEnv, command: Command, to: State, **named: Any) -> OpenCommand | None:
    env.do(lifecycle.move, command, to, **named)
    return env.open_row(command)


@pytest.mark.parametrize("state", [State.CONFIRMING, State.REFUSED])
def test_what_asks_nothing_of_the_engine_is_not_open(env: CommandEnv, state: State) -> None:
    assert env.open_row(env.do(written, draft(env.names, state))) is None


@pytest.mark.parametrize(("before", "end"), ENDS)
def test_what_has_ended_is_no_longer_open(env: CommandEnv, before: State, end: State) -> None:
    command = env.do(written, draft(env.names, before))

    assert moved(env, command, end) is None


@pytest.mark.parametrize(("name", "open_"), [("start", True), ("disable_ignition", True), ("alert", False)])
def test_an_executed_command_stays_open_for_its_verification_only(env: CommandEnv, name: str, open_: bool) -> None:
    command = env.do(written, draft(env.names, State.ACCEPTED, name))

    assert (moved(env, command, State.EXECUTED) is not None) is open_


@pytest.mark.parametrize(("before", "to", "wake_at"), WAKES)
def test_open_command_is_due_when_the_bound_of_its_state_comes(
    env: CommandEnv, before: State, to: State, wake_at: int
) -> None:
    command = env.do(written, draft(env.names, before))

    moved(env, command, to)

    env.clock.advance((wake_at - NOW) / 1e6 - 1)
    assert env.see(record.open_due, limit=10, answer_timeout=30.0) == []
    env.clock.advance(1)
    assert [row.command_id for row in env.see(record.open_due, limit=10, answer_timeout=30.0)] == [command.id]


@pytest.mark.parametrize(("name", "before", "to", "segment"), SEGMENTS)
def test_state_of_an_open_command_decides_who_may_join_it(
    env: CommandEnv, name: str, before: State, to: State, segment: int | None
) -> None:
    command = env.do(written, draft(env.names, before, name), segment=3)

    row = moved(env, command, to)

    assert row is not None
    assert row.segment == segment


def test_the_lane_is_taken_with_the_intent_and_kept_while_the_oem_has_the_command(env: CommandEnv) -> None:
    command = env.do(written, draft(env.names))
    sent = not_none(env.do(lifecycle.move, command, State.DISPATCHING, lane_slot=0))
    taken = env.open_row(command)
    accepted = moved(env, sent, State.ACCEPTED)

    assert taken is not None
    assert accepted is not None
    assert (taken.lane_slot, accepted.lane_slot) == (0, 0)


@pytest.mark.parametrize("end", [State.UNKNOWN, State.EXECUTED, State.QUEUED])
def test_the_lane_is_free_once_the_oem_is_done(env: CommandEnv, end: State) -> None:
    command = env.do(written, draft(env.names))
    sent = not_none(env.do(lifecycle.move, command, State.DISPATCHING, lane_slot=0))

    row = moved(env, sent, end)

    assert row is not None
    assert row.lane_slot is None


def test_a_redeemed_command_opens_with_its_lane_number_and_segment(env: CommandEnv) -> None:
    command = env.do(written, draft(env.names, State.CONFIRMING, "enable_ignition", lane_number=None))

    row = moved(env, command, State.QUEUED, segment=2, lane_number=5)

    assert row is not None
    assert (row.lane_number, row.segment, row.lane_slot) == (5, 2, None)


@pytest.mark.parametrize("name", ["start", "location"])
def test_two_identical_requests_cannot_both_be_in_flight(env: CommandEnv, name: str) -> None:
    env.do(written, draft(env.names, name=name), segment=0)

    with pytest.raises(adapter().constraint_broken):
        env.do(written, draft(env.names, name=name), segment=0)


def test_two_commands_of_a_vehicle_cannot_both_have_the_lane(env: CommandEnv) -> None:
    first = env.do(written, draft(env.names))
    second = env.do(written, draft(env.names, name="lock_door"))
    env.do(lifecycle.move, first, State.DISPATCHING, lane_slot=0)

    with pytest.raises(adapter().constraint_broken):
        env.do(lifecycle.move, second, State.DISPATCHING, lane_slot=0)
    assert env.row(second).state is State.QUEUED


def test_open_commands_and_their_vehicles_are_known(env: CommandEnv) -> None:
    command = env.do(written, draft(env.names))
    assert env.see(record.open_positions, "", 10) == [(command.id, env.names.vehicle)]
    assert [command_id for command_id, _ in env.see(record.open_states, "", 10)] == [command.id]

    env.do(lifecycle.close, command.id)

    assert env.see(record.open_positions, "", 10) == []


def test_open_commands_are_known_page_by_page(env: CommandEnv) -> None:
    names = ("alert", "lock_door", "unlock_door")
    ids = sorted(env.do(written, draft(env.names, name=name)).id for name in names)

    assert [place[0] for place in env.see(record.open_positions, "", 2)] == ids[:2]
    assert [place[0] for place in env.see(record.open_positions, ids[1], 2)] == ids[2:]


def test_a_wake_up_can_be_put_off(env: CommandEnv) -> None:
    command = env.do(written, draft(env.names))
    env.do(lifecycle.wake, command, after(NOW, 1))
    env.clock.advance(1)

    assert [row.command_id for row in env.see(record.open_due, limit=10, answer_timeout=30.0)] == [command.id]
