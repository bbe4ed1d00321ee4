"""Consecutive remote starts: the vehicle's own count where it is newer than our last start, else ours."""

from typing import Any

import pytest

from keyturn.commands.model.states import State
from keyturn.connectors.responses import OutcomeKind
from tests.support.command_env import CommandEnv, not_none

ELEVEN = "Precondition not met: No more than two consecutive remote starts without a physical start."


def count(env: CommandEnv) -> int:
    return env.evidence().expected.consecutive_starts


def run(env: CommandEnv, *commands: str) -> None:
    for command in commands:
        env.execute(command)
        env.clock.advance(1)


def drive(env: CommandEnv, **readings: Any) -> None:
    """The vehicle is started by hand and says so."""
    env.clock.advance(1)
    env.report({"ignition_status": "ignition on", **readings})
    env.clock.advance(1)


def test_every_executed_start_counts_cancelled_or_not(env: CommandEnv) -> None:
    run(env, "start", "cancel_start", "start")

    assert count(env) == 2


def test_a_start_that_was_not_done_does_not_count(env: CommandEnv) -> None:
    env.respond(env.send("start"), OutcomeKind.FAILED)

    assert count(env) == 0


def test_the_third_start_in_a_row_is_refused(env: CommandEnv) -> None:
    run(env, "start", "cancel_start", "start", "cancel_start")

    third = env.register("start")

    assert (third.state, third.post_code, third.post_detail) == (State.REFUSED, 409, ELEVEN)


def test_a_start_by_hand_begins_anew(env: CommandEnv) -> None:
    run(env, "start", "cancel_start", "start", "cancel_start")
    drive(env)

    assert count(env) == 0
    env.report({"ignition_status": "ignition off"})
    assert env.register("start").state is State.QUEUED


@pytest.mark.parametrize("mode", ["on", "ignition on"])
def test_a_start_by_hand_may_show_in_the_current_mode_alone(env: CommandEnv, mode: str) -> None:
    run(env, "start", "cancel_start")
    env.clock.advance(1)
    env.report({"system_power_mode": mode})

    assert count(env) == 0


def test_the_ignition_that_our_own_start_turned_on_is_not_a_start_by_hand(env: CommandEnv) -> None:
    run(env, "start")
    drive(env)

    assert count(env) == 1


def test_nor_is_what_was_seen_of_it_before_it_was_cancelled(env: CommandEnv) -> None:
    run(env, "start")
    drive(env)
    run(env, "cancel_start")

    env.report({"speed": 0})

    assert count(env) == 1


def test_a_start_that_was_not_done_turned_nothing_on(env: CommandEnv) -> None:
    run(env, "start", "cancel_start")
    env.respond(env.send("start"), OutcomeKind.FAILED)

    drive(env)

    assert count(env) == 0


def test_nor_is_what_a_start_on_its_way_turned_on(env: CommandEnv) -> None:
    run(env, "start", "cancel_start")
    accepted = env.accept("start")

    drive(env)

    not_none(env.respond(accepted, OutcomeKind.SUCCEEDED))
    assert count(env) == 2


def test_a_remote_start_that_ended_by_itself_is_not_active_any_more(env: CommandEnv) -> None:
    run(env, "start")
    env.report({"remote_start_active": False, "ignition_status": "ignition off"})

    drive(env, remote_start_active=False)

    assert count(env) == 0


def test_a_lost_start_that_the_vehicle_denies_is_not_active(env: CommandEnv) -> None:
    run(env, "start", "cancel_start")
    lost = env.lose("start")
    env.clock.advance(301)
    env.lapse(lost)

    drive(env, remote_start_active=False)

    assert count(env) == 0


def test_a_newer_count_of_the_vehicles_own_replaces_ours(env: CommandEnv) -> None:
    run(env, "start", "cancel_start", "start", "cancel_start")

    env.report({"consecutive_remote_starts": 1})

    assert count(env) == 1
    assert env.register("start").state is State.QUEUED


def test_older_count_of_the_vehicle_does_not_replace_ours(env: CommandEnv) -> None:
    run(env, "start", "cancel_start", "start", "cancel_start")

    env.report({"consecutive_remote_starts": 0}, age=2)

    assert count(env) == 2
    assert env.register("start").state is State.REFUSED


@pytest.mark.parametrize("age", [0, 3600])
def test_a_vehicle_that_counts_two_is_not_started_whoever_started_it(env: CommandEnv, age: float) -> None:
    env.report({"consecutive_remote_starts": 2}, age=age)

    assert (env.register("start").state is State.REFUSED) is (age == 0)
