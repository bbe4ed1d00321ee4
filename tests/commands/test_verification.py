"""From Executed to Verified by a reading of after the completion, and of nothing else."""

from typing import Any

import pytest

from keyturn.clock import after
from keyturn.commands import outcome
from keyturn.commands.record import Command
from keyturn.commands.states import State
from keyturn.config.settings import EvidenceSettings
from keyturn.connectors.port import Reading, StateReport, Verdict
from keyturn.engine import vehicles as reports
from keyturn.engine.verify import compare, give_up

from .installation import NOW
from .yard import PARKED, Yard, sure

WANTED = [
    ("lock_door", "doors_locked", True),
    ("unlock_door", "doors_locked", False),
    ("enable_ignition", "ignition_disabled", False),
    ("disable_ignition", "ignition_disabled", True),
    ("start", "remote_start_active", True),
    ("cancel_start", "remote_start_active", False),
]


@pytest.fixture
def locked(yard: Yard) -> Command:
    """A `lock_door` that the vehicle executed three seconds after it was sent; now it is four seconds later still."""
    sent = yard.send("lock_door")
    yard.clock.advance(7)
    return sure(yard.hear(sent, Verdict.SUCCEEDED, completed_at=after(NOW, 3)))


def judged(yard: Yard, command: Command, **readings: Any) -> Command:
    if readings:
        yard.report(readings)
    yard.do(compare, command.id)
    return yard.row(command)


@pytest.mark.parametrize(("name", "signal", "wanted"), WANTED)
def test_a_newer_reading_that_agrees_verifies(yard: Yard, name: str, signal: str, wanted: bool) -> None:
    yard.report(PARKED)
    done = yard.execute(name)
    yard.clock.advance(1)

    verified = judged(yard, done, **{signal: wanted})

    assert (verified.state, verified.verification) == (State.VERIFIED, "verified")
    assert yard.open_row(done) is None


@pytest.mark.parametrize(("name", "signal", "wanted"), WANTED)
def test_a_newer_reading_that_disagrees_is_noted_and_may_be_followed_by_one_that_agrees(
    yard: Yard, name: str, signal: str, wanted: bool
) -> None:
    yard.report(PARKED)
    done = yard.execute(name)
    yard.clock.advance(1)

    contradicted = judged(yard, done, **{signal: not wanted})
    assert (contradicted.state, contradicted.verification) == (State.EXECUTED, "contradicted")
    yard.clock.advance(1)

    assert judged(yard, done, **{signal: wanted}).verification == "verified"


@pytest.mark.parametrize(("age", "state"), [(4.0, State.EXECUTED), (3.9, State.VERIFIED)])
def test_only_a_value_vouched_for_after_the_oems_completion_counts(
    yard: Yard, locked: Command, age: float, state: State
) -> None:
    yard.report({"doors_locked": True}, age=age)

    assert judged(yard, locked).state is state


@pytest.mark.parametrize("readings", [{}, {"doors_locked": None}, {"speed": 0.0}])
def test_without_a_word_on_it_nothing_is_verified_or_contradicted(
    yard: Yard, locked: Command, readings: dict[str, Any]
) -> None:
    assert judged(yard, locked, **readings) == locked


def test_a_value_from_the_future_verifies_nothing(yard: Yard, locked: Command) -> None:
    heard = StateReport({"doors_locked": Reading(True, None, after(NOW, 86_400))})
    yard.do(reports.absorb, yard.vehicle(), heard, EvidenceSettings())

    assert judged(yard, locked) == locked


def test_nor_does_it_turn_unknown_into_executed(yard: Yard) -> None:
    yard.report({**PARKED, "doors_locked": False})
    lost = yard.lose("lock_door")
    heard = StateReport({"doors_locked": Reading(True, None, after(NOW, 86_400))})
    known = yard.do(reports.absorb, yard.vehicle(), heard, EvidenceSettings())

    assert yard.do(outcome.executed_by_reading, lost.id, known, yard.declares) is None


def test_a_later_command_that_changed_the_same_ends_it_without_a_word(yard: Yard, locked: Command) -> None:
    yard.execute("unlock_door")
    yard.clock.advance(1)

    after_that = judged(yard, locked, doors_locked=False)

    assert (after_that.state, after_that.verification) == (State.EXECUTED, None)
    assert yard.open_row(locked) is None


def test_where_nothing_agreed_in_time_it_was_not_possible(yard: Yard, locked: Command) -> None:
    yard.do(give_up, locked.id)

    assert yard.row(locked).verification == "not_possible"
    assert yard.open_row(locked) is None


def test_what_was_contradicted_stays_so(yard: Yard, locked: Command) -> None:
    judged(yard, locked, doors_locked=False)

    yard.do(give_up, locked.id)

    assert yard.row(locked).verification == "contradicted"
    assert yard.told(locked).count("command.contradicted") == 1
