"""Unknown: what may have happened is never sent again, shown as Error when nothing can clear it up, and asked about."""

from typing import Any

import pytest

from keyturn.clock import after
from keyturn.commands.execution import outcome
from keyturn.commands.model.record import Command
from keyturn.commands.model.states import State
from keyturn.connectors.responses import OutcomeKind
from tests.support.command_env import OPERATION, PARKED, CommandEnv, not_none
from tests.support.enrolment import NOW

UNKNOWN_TEXT = "Outcome unknown. The vehicle may have executed the command."
RESOLVE_FOR = 86_400.0
NO_WAY = {"finds_by_reference": False, "reads_state": False}


def test_unclear_command_is_pending_while_something_can_clear_it_up(env: CommandEnv) -> None:
    lost = env.lose("start")

    assert (lost.state, lost.status, lost.may_have_executed) == (State.UNKNOWN, "Pending", True)


def test_unclear_command_is_an_error_at_once_when_nothing_can_clear_it_up(env: CommandEnv) -> None:
    env.behind(**NO_WAY)

    lost = env.lose("start")

    assert (lost.state, lost.status, lost.detail) == (State.UNKNOWN, "Error", f'"{UNKNOWN_TEXT}"')
    assert env.told(lost)[-2:] == ["command.Unknown", "command.revealed"]


def test_unclear_command_is_an_error_at_once_where_the_post_said_502(env: CommandEnv) -> None:
    lost = not_none(env.respond(env.send("start"), OutcomeKind.NO_OPERATION))

    assert (lost.post_code, lost.status) == (502, "Error")
    assert "The vehicle may have executed it." in lost.detail


def test_unclear_answer_after_200_pending_stays_pending(env: CommandEnv) -> None:
    sent = env.send("start")
    env.do(lambda tx: tx.run("UPDATE command SET post_code = 200"))

    assert not_none(env.respond(sent, OutcomeKind.NO_OPERATION)).status == "Pending"


@pytest.mark.parametrize(
    ("declared", "known", "resolvable"),
    [
        ({**NO_WAY, "finds_by_reference": True}, None, True),
        ({**NO_WAY, "reads_state": True}, False, True),
        ({**NO_WAY, "reads_state": True}, True, False),
        ({**NO_WAY, "reads_state": True}, None, False),
        (NO_WAY, False, False),
    ],
    ids=["look-up", "was locked out", "was so already", "never known", "cannot be read"],
)
def test_what_can_clear_up_an_unclear_command(
    env: CommandEnv, declared: dict[str, bool], known: bool | None, resolvable: bool
) -> None:
    env.behind(**declared)
    env.report({"doors_locked": known, "speed": 0})

    lost = env.lose("lock_door")

    assert outcome.resolvable(lost, env.capabilities) is resolvable


def test_an_operation_can_clear_it_up_wherever_the_connector_says_nothing_more(env: CommandEnv) -> None:
    env.behind(**NO_WAY)
    accepted = env.accept("start")
    env.clock.advance(300)

    assert outcome.resolvable(not_none(env.lapse(accepted)), env.capabilities)


def test_a_changed_reading_shows_that_it_was_done(env: CommandEnv) -> None:
    env.report({**PARKED, "doors_locked": False})
    lost = env.lose("lock_door")
    env.clock.advance(4)
    known = env.report({"doors_locked": True})

    done = not_none(env.do(outcome.executed_by_reading, lost.id, known, env.capabilities))

    assert (done.state, done.status) == (State.EXECUTED, "Success")


@pytest.mark.parametrize(("before", "later"), [(True, True), (None, True), (False, False), (False, None)])
def test_any_other_reading_shows_nothing(env: CommandEnv, before: bool | None, later: bool | None) -> None:
    env.report({**PARKED, "doors_locked": before})
    lost = env.lose("lock_door")
    env.clock.advance(4)
    known = env.report({"doors_locked": later})

    assert env.do(outcome.executed_by_reading, lost.id, known, env.capabilities) is None
    assert env.row(lost) == lost


def test_a_reading_of_before_the_sending_shows_nothing(env: CommandEnv) -> None:
    env.report({**PARKED, "doors_locked": False})
    env.clock.advance(4)
    lost = env.lose("lock_door")
    known = env.report({"doors_locked": True})

    assert env.do(outcome.executed_by_reading, lost.id, known, env.capabilities) is None


def no_longer_joined(env: CommandEnv, lost: Command) -> Command:
    """Its answer deadline has passed: the same may be asked for again."""
    env.clock.advance(300)
    return not_none(env.lapse(lost))


LATER: dict[str, tuple[OutcomeKind, dict[str, Any]]] = {
    "was executed": (OutcomeKind.SUCCEEDED, {}),
    "is with the OEM": (OutcomeKind.IN_PROGRESS, {"operation": OPERATION}),
    "is lost too": (OutcomeKind.UNCLEAR, {}),
    "failed": (OutcomeKind.FAILED, {}),
}


@pytest.mark.parametrize("later", LATER)
def test_a_change_that_a_later_command_may_have_made_shows_nothing_of_an_earlier_one(
    env: CommandEnv, later: str
) -> None:
    verdict, said = LATER[later]
    env.report({**PARKED, "doors_locked": False})
    lost = no_longer_joined(env, env.lose("lock_door"))
    again = env.send("lock_door")
    env.clock.advance(2)
    env.respond(again, verdict, **said)
    env.clock.advance(2)
    known = env.report({"doors_locked": True})

    assert env.do(outcome.executed_by_reading, lost.id, known, env.capabilities) is None
    assert env.row(lost) == lost


def test_a_later_command_on_other_signals_takes_nothing_away(env: CommandEnv) -> None:
    env.report({**PARKED, "doors_locked": False})
    lost = env.lose("lock_door")
    env.clock.advance(2)
    env.execute("alert")
    env.clock.advance(2)
    known = env.report({"doors_locked": True})

    assert not_none(env.do(outcome.executed_by_reading, lost.id, known, env.capabilities)).state is State.EXECUTED


def test_a_change_that_an_earlier_lost_one_may_make_yet_shows_nothing_of_a_later_one(env: CommandEnv) -> None:
    env.report({**PARKED, "doors_locked": False})
    no_longer_joined(env, env.lose("lock_door"))
    env.report({**PARKED, "doors_locked": False})
    again = env.lose("lock_door")
    env.clock.advance(2)
    known = env.report({"doors_locked": True})

    assert again.known_before is None
    assert env.do(outcome.executed_by_reading, again.id, known, env.capabilities) is None


def test_once_the_earlier_one_is_cleared_up_a_change_shows_again_what_was_done(env: CommandEnv) -> None:
    env.report({**PARKED, "doors_locked": False})
    first = env.lose("lock_door")
    env.respond(first, OutcomeKind.FAILED)
    env.clock.advance(2)
    env.report({**PARKED, "doors_locked": False})
    again = env.lose("lock_door")
    env.clock.advance(2)
    known = env.report({"doors_locked": True})

    assert not_none(env.do(outcome.executed_by_reading, again.id, known, env.capabilities)).state is State.EXECUTED


@pytest.mark.parametrize("age", [121.0, -31.0])
def test_what_could_not_be_relied_upon_before_the_sending_is_not_known_before(env: CommandEnv, age: float) -> None:
    env.report({"speed": 0})
    env.report({"doors_locked": False}, age=age)

    assert env.send("lock_door").known_before is None


def test_a_value_received_before_our_own_command_is_not_known_after_it_whatever_time_its_source_gives(
    env: CommandEnv,
) -> None:
    env.report({**PARKED, "doors_locked": True}, age=-10)
    env.clock.advance(1)
    env.execute("unlock_door")
    env.clock.advance(1)

    assert env.send("unlock_door").known_before is None


def test_a_value_received_before_the_sending_resolves_nothing_whatever_time_its_source_gives(env: CommandEnv) -> None:
    env.report({**PARKED, "doors_locked": False})
    env.clock.advance(1)
    known = env.report({"doors_locked": True}, age=-10)
    lost = env.lose("lock_door")

    assert env.do(outcome.executed_by_reading, lost.id, known, env.capabilities) is None


def test_a_reading_resolves_nothing_but_the_unknown(env: CommandEnv) -> None:
    env.report({**PARKED, "doors_locked": False})
    accepted = env.accept("lock_door")
    env.clock.advance(4)
    known = env.report({"doors_locked": True})

    assert env.do(outcome.executed_by_reading, accepted.id, known, env.capabilities) is None


def test_unclear_command_is_never_sent_again(env: CommandEnv) -> None:
    lost = env.lose("start")

    assert env.intent(lost) is None
    env.clock.advance(400)
    assert env.intent(lost) is None
    assert env.row(lost).sent_at == NOW


def test_unclear_command_is_shown_as_error_at_its_answer_deadline_and_asked_about_for_a_day_more(
    env: CommandEnv,
) -> None:
    lost = env.lose("start")
    env.clock.advance(299)
    assert env.lapse(lost) is None
    env.clock.advance(1)

    revealed = not_none(env.lapse(lost))

    assert (revealed.status, revealed.state) == ("Error", State.UNKNOWN)
    row = not_none(env.open_row(lost))
    assert row.segment is None
    assert env.rows("SELECT wake_at FROM open_command") == [(after(NOW, 300 + RESOLVE_FOR),)]


def test_unclear_command_is_not_asked_about_after_that_day(env: CommandEnv) -> None:
    lost = env.lose("start")
    env.clock.advance(300 + RESOLVE_FOR)

    env.lapse(lost)

    assert env.open_row(lost) is None
    assert env.row(lost).status == "Error"


def test_a_lost_command_leaves_its_precondition_open_for_as_long_as_it_is_unknown(env: CommandEnv) -> None:
    """The vehicle may still act after its answer deadline, so that it says "not disabled" now refuses no enable."""
    env.behind(**NO_WAY)
    env.report(PARKED)
    lost = env.lose("disable_ignition")
    env.clock.advance(600)
    env.lapse(lost)
    env.clock.advance(1)
    env.report({"ignition_disabled": False})

    assert env.row(lost).state is State.UNKNOWN
    assert env.register("enable_ignition").state is State.QUEUED
