"""From Executed to Verified by a reading of after the completion, and of nothing else."""

from typing import Any

import pytest

from keyturn.clock import after
from keyturn.commands.execution import outcome
from keyturn.commands.model.record import Command
from keyturn.commands.model.states import State
from keyturn.config.settings import EvidenceSettings
from keyturn.connectors.responses import OutcomeKind, SignalReading, StateReport
from keyturn.engine import vehicle_reader as reports
from keyturn.engine.verify import compare, give_up
from tests.support.command_env import PARKED, CommandEnv, not_none
from tests.support.enrolment import NOW

WANTED = [
    ("lock_door", "doors_locked", True),
    ("unlock_door", "doors_locked", False),
    ("enable_ignition", "ignition_disabled", False),
    ("disable_ignition", "ignition_disabled", True),
    ("start", "remote_start_active", True),
    ("cancel_start", "remote_start_active", False),
]


@pytest.fixture
def locked(env: CommandEnv) -> Command:
    """A `lock_door` that the vehicle executed three seconds after it was sent; now it is four seconds later still."""
    sent = env.send("lock_door")
    env.clock.advance(7)
    return not_none(env.respond(sent, OutcomeKind.SUCCEEDED, completed_at=after(NOW, 3)))


def judged(env: CommandEnv, command: Command, **readings: Any) -> Command:
    if readings:
        env.report(readings)
    env.do(compare, command.id)
    return env.row(command)


@pytest.mark.parametrize(("name", "signal", "wanted"), WANTED)
def test_a_newer_reading_that_agrees_verifies(env: CommandEnv, name: str, signal: str, wanted: bool) -> None:
    env.report(PARKED)
    done = env.execute(name)
    env.clock.advance(1)

    verified = judged(env, done, **{signal: wanted})

    assert (verified.state, verified.verification) == (State.VERIFIED, "verified")
    assert env.open_row(done) is None


@pytest.mark.parametrize(("name", "signal", "wanted"), WANTED)
def test_a_newer_reading_that_disagrees_is_noted_and_may_be_followed_by_one_that_agrees(
    env: CommandEnv, name: str, signal: str, wanted: bool
) -> None:
    env.report(PARKED)
    done = env.execute(name)
    env.clock.advance(1)

    contradicted = judged(env, done, **{signal: not wanted})
    assert (contradicted.state, contradicted.verification) == (State.EXECUTED, "contradicted")
    env.clock.advance(1)

    assert judged(env, done, **{signal: wanted}).verification == "verified"


@pytest.mark.parametrize(("age", "state"), [(4.0, State.EXECUTED), (3.9, State.VERIFIED)])
def test_only_a_value_vouched_for_after_the_oems_completion_counts(
    env: CommandEnv, locked: Command, age: float, state: State
) -> None:
    env.report({"doors_locked": True}, age=age)

    assert judged(env, locked).state is state


@pytest.mark.parametrize("readings", [{}, {"doors_locked": None}, {"speed": 0.0}])
def test_report_without_the_signal_verifies_and_contradicts_nothing(
    env: CommandEnv, locked: Command, readings: dict[str, Any]
) -> None:
    assert judged(env, locked, **readings) == locked


def test_a_value_from_the_future_verifies_nothing(env: CommandEnv, locked: Command) -> None:
    heard = StateReport({"doors_locked": SignalReading(True, None, after(NOW, 86_400))})
    env.do(reports.record_report, env.vehicle(), heard, EvidenceSettings())

    assert judged(env, locked) == locked


def test_nor_does_it_turn_unknown_into_executed(env: CommandEnv) -> None:
    env.report({**PARKED, "doors_locked": False})
    lost = env.lose("lock_door")
    heard = StateReport({"doors_locked": SignalReading(True, None, after(NOW, 86_400))})
    known = env.do(reports.record_report, env.vehicle(), heard, EvidenceSettings())

    assert env.do(outcome.executed_by_reading, lost.id, known, env.capabilities) is None


def test_a_later_command_that_changed_the_same_ends_it_without_a_word(env: CommandEnv, locked: Command) -> None:
    env.execute("unlock_door")
    env.clock.advance(1)

    after_that = judged(env, locked, doors_locked=False)

    assert (after_that.state, after_that.verification) == (State.EXECUTED, None)
    assert env.open_row(locked) is None


def test_verification_was_not_possible_where_nothing_agreed_in_time(env: CommandEnv, locked: Command) -> None:
    env.do(give_up, locked.id)

    assert env.row(locked).verification == "not_possible"
    assert env.open_row(locked) is None


def test_contradicted_verification_stays_contradicted(env: CommandEnv, locked: Command) -> None:
    judged(env, locked, doors_locked=False)

    env.do(give_up, locked.id)

    assert env.row(locked).verification == "contradicted"
    assert env.told(locked).count("command.contradicted") == 1


def test_a_value_received_before_the_completion_verifies_nothing_whatever_time_its_source_gives(
    env: CommandEnv,
) -> None:
    sent = env.send("lock_door")
    env.report({"doors_locked": True}, age=-10)
    env.clock.advance(7)
    done = not_none(env.respond(sent, OutcomeKind.SUCCEEDED, completed_at=after(NOW, 3)))

    assert judged(env, done).state is State.EXECUTED
