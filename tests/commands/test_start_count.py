"""Consecutive remote starts: the vehicle's own count where it is newer than our last start, else ours."""

from typing import Any

import pytest

from keyturn.commands.states import State
from keyturn.connectors.port import Verdict

from .yard import Yard, sure

ELEVEN = "Precondition not met: No more than two consecutive remote starts without a physical start."


def count(yard: Yard) -> int:
    return yard.evidence().track.consecutive_starts


def run(yard: Yard, *commands: str) -> None:
    for command in commands:
        yard.execute(command)
        yard.clock.advance(1)


def drive(yard: Yard, **readings: Any) -> None:
    """The vehicle is started by hand and says so."""
    yard.clock.advance(1)
    yard.report({"ignition_status": "ignition on", **readings})
    yard.clock.advance(1)


def test_every_executed_start_counts_cancelled_or_not(yard: Yard) -> None:
    run(yard, "start", "cancel_start", "start")

    assert count(yard) == 2


def test_a_start_that_was_not_done_does_not_count(yard: Yard) -> None:
    yard.hear(yard.send("start"), Verdict.FAILED)

    assert count(yard) == 0


def test_the_third_start_in_a_row_is_refused(yard: Yard) -> None:
    run(yard, "start", "cancel_start", "start", "cancel_start")

    third = yard.register("start")

    assert (third.state, third.post_code, third.post_detail) == (State.REFUSED, 409, ELEVEN)


def test_a_start_by_hand_begins_anew(yard: Yard) -> None:
    run(yard, "start", "cancel_start", "start", "cancel_start")
    drive(yard)

    assert count(yard) == 0
    yard.report({"ignition_status": "ignition off"})
    assert yard.register("start").state is State.QUEUED


@pytest.mark.parametrize("mode", ["on", "ignition on"])
def test_a_start_by_hand_may_show_in_the_current_mode_alone(yard: Yard, mode: str) -> None:
    run(yard, "start", "cancel_start")
    yard.clock.advance(1)
    yard.report({"system_power_mode": mode})

    assert count(yard) == 0


def test_the_ignition_that_our_own_start_turned_on_is_not_a_start_by_hand(yard: Yard) -> None:
    run(yard, "start")
    drive(yard)

    assert count(yard) == 1


def test_nor_is_what_was_seen_of_it_before_it_was_cancelled(yard: Yard) -> None:
    run(yard, "start")
    drive(yard)
    run(yard, "cancel_start")

    yard.report({"speed": 0})

    assert count(yard) == 1


def test_a_start_that_was_not_done_turned_nothing_on(yard: Yard) -> None:
    run(yard, "start", "cancel_start")
    yard.hear(yard.send("start"), Verdict.FAILED)

    drive(yard)

    assert count(yard) == 0


def test_nor_is_what_a_start_on_its_way_turned_on(yard: Yard) -> None:
    run(yard, "start", "cancel_start")
    accepted = yard.accept("start")

    drive(yard)

    sure(yard.hear(accepted, Verdict.SUCCEEDED))
    assert count(yard) == 2


def test_a_remote_start_that_ended_by_itself_is_not_active_any_more(yard: Yard) -> None:
    run(yard, "start")
    yard.report({"remote_start_active": False, "ignition_status": "ignition off"})

    drive(yard, remote_start_active=False)

    assert count(yard) == 0


def test_a_lost_start_that_the_vehicle_denies_is_not_active(yard: Yard) -> None:
    run(yard, "start", "cancel_start")
    lost = yard.lose("start")
    yard.clock.advance(301)
    yard.lapse(lost)

    drive(yard, remote_start_active=False)

    assert count(yard) == 0


def test_a_newer_count_of_the_vehicles_own_replaces_ours(yard: Yard) -> None:
    run(yard, "start", "cancel_start", "start", "cancel_start")

    yard.report({"consecutive_remote_starts": 1})

    assert count(yard) == 1
    assert yard.register("start").state is State.QUEUED


def test_an_older_count_does_not(yard: Yard) -> None:
    run(yard, "start", "cancel_start", "start", "cancel_start")

    yard.report({"consecutive_remote_starts": 0}, age=2)

    assert count(yard) == 2
    assert yard.register("start").state is State.REFUSED


@pytest.mark.parametrize("age", [0, 3600])
def test_a_vehicle_that_counts_two_is_not_started_whoever_started_it(yard: Yard, age: float) -> None:
    yard.report({"consecutive_remote_starts": 2}, age=age)

    assert (yard.register("start").state is State.REFUSED) is (age == 0)
