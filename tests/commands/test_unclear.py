"""Unknown: what may have happened is never sent again, shown as Error when nothing can clear it up, and asked about."""

from typing import Any

import pytest

from keyturn.clock import after
from keyturn.commands import outcome
from keyturn.commands.record import Command
from keyturn.commands.states import State
from keyturn.connectors.port import Verdict

from .installation import NOW
from .yard import OPERATION, PARKED, Yard, sure

UNKNOWN_TEXT = "Outcome unknown. The vehicle may have executed the command."
RESOLVE_FOR = 86_400.0
NO_WAY = {"looks_up": False, "reads_state": False}


def test_it_is_pending_while_something_can_clear_it_up(yard: Yard) -> None:
    lost = yard.lose("start")

    assert (lost.state, lost.status, lost.may_have_executed) == (State.UNKNOWN, "Pending", True)


def test_it_is_an_error_at_once_when_nothing_can(yard: Yard) -> None:
    yard.behind(**NO_WAY)

    lost = yard.lose("start")

    assert (lost.state, lost.status, lost.detail) == (State.UNKNOWN, "Error", f'"{UNKNOWN_TEXT}"')
    assert yard.told(lost)[-2:] == ["command.Unknown", "command.revealed"]


def test_it_is_an_error_at_once_where_the_post_said_502(yard: Yard) -> None:
    lost = sure(yard.hear(yard.send("start"), Verdict.NO_OPERATION))

    assert (lost.post_code, lost.status) == (502, "Error")
    assert "The vehicle may have executed it." in lost.detail


def test_after_200_pending_the_same_answer_stays_pending(yard: Yard) -> None:
    sent = yard.send("start")
    yard.do(lambda tx: tx.run("UPDATE command SET post_code = 200"))

    assert sure(yard.hear(sent, Verdict.NO_OPERATION)).status == "Pending"


@pytest.mark.parametrize(
    ("declared", "known", "resolvable"),
    [
        ({**NO_WAY, "looks_up": True}, None, True),
        ({**NO_WAY, "reads_state": True}, False, True),
        ({**NO_WAY, "reads_state": True}, True, False),
        ({**NO_WAY, "reads_state": True}, None, False),
        (NO_WAY, False, False),
    ],
    ids=["look-up", "was locked out", "was so already", "never known", "cannot be read"],
)
def test_what_can_clear_it_up(yard: Yard, declared: dict[str, bool], known: bool | None, resolvable: bool) -> None:
    yard.behind(**declared)
    yard.report({"doors_locked": known, "speed": 0})

    lost = yard.lose("lock_door")

    assert outcome.resolvable(lost, yard.declares) is resolvable


def test_an_operation_can_clear_it_up_wherever_the_connector_says_nothing_more(yard: Yard) -> None:
    yard.behind(**NO_WAY)
    accepted = yard.accept("start")
    yard.clock.advance(300)

    assert outcome.resolvable(sure(yard.lapse(accepted)), yard.declares)


def test_a_changed_reading_shows_that_it_was_done(yard: Yard) -> None:
    yard.report({**PARKED, "doors_locked": False})
    lost = yard.lose("lock_door")
    yard.clock.advance(4)
    known = yard.report({"doors_locked": True})

    done = sure(yard.do(outcome.executed_by_reading, lost.id, known, yard.declares))

    assert (done.state, done.status) == (State.EXECUTED, "Success")


@pytest.mark.parametrize(("before", "later"), [(True, True), (None, True), (False, False), (False, None)])
def test_any_other_reading_shows_nothing(yard: Yard, before: bool | None, later: bool | None) -> None:
    yard.report({**PARKED, "doors_locked": before})
    lost = yard.lose("lock_door")
    yard.clock.advance(4)
    known = yard.report({"doors_locked": later})

    assert yard.do(outcome.executed_by_reading, lost.id, known, yard.declares) is None
    assert yard.row(lost) == lost


def test_a_reading_of_before_the_sending_shows_nothing(yard: Yard) -> None:
    yard.report({**PARKED, "doors_locked": False})
    yard.clock.advance(4)
    lost = yard.lose("lock_door")
    known = yard.report({"doors_locked": True})

    assert yard.do(outcome.executed_by_reading, lost.id, known, yard.declares) is None


def no_longer_joined(yard: Yard, lost: Command) -> Command:
    """Its answer deadline has passed: the same may be asked for again."""
    yard.clock.advance(300)
    return sure(yard.lapse(lost))


LATER: dict[str, tuple[Verdict, dict[str, Any]]] = {
    "was executed": (Verdict.SUCCEEDED, {}),
    "is with the OEM": (Verdict.IN_PROGRESS, {"operation": OPERATION}),
    "is lost too": (Verdict.UNCLEAR, {}),
    "failed": (Verdict.FAILED, {}),
}


@pytest.mark.parametrize("later", LATER)
def test_a_change_that_a_later_command_may_have_made_shows_nothing_of_an_earlier_one(yard: Yard, later: str) -> None:
    verdict, said = LATER[later]
    yard.report({**PARKED, "doors_locked": False})
    lost = no_longer_joined(yard, yard.lose("lock_door"))
    again = yard.send("lock_door")
    yard.clock.advance(2)
    yard.hear(again, verdict, **said)
    yard.clock.advance(2)
    known = yard.report({"doors_locked": True})

    assert yard.do(outcome.executed_by_reading, lost.id, known, yard.declares) is None
    assert yard.row(lost) == lost


def test_a_later_command_on_other_signals_takes_nothing_away(yard: Yard) -> None:
    yard.report({**PARKED, "doors_locked": False})
    lost = yard.lose("lock_door")
    yard.clock.advance(2)
    yard.execute("alert")
    yard.clock.advance(2)
    known = yard.report({"doors_locked": True})

    assert sure(yard.do(outcome.executed_by_reading, lost.id, known, yard.declares)).state is State.EXECUTED


def test_a_change_that_an_earlier_lost_one_may_make_yet_shows_nothing_of_a_later_one(yard: Yard) -> None:
    yard.report({**PARKED, "doors_locked": False})
    no_longer_joined(yard, yard.lose("lock_door"))
    yard.report({**PARKED, "doors_locked": False})
    again = yard.lose("lock_door")
    yard.clock.advance(2)
    known = yard.report({"doors_locked": True})

    assert again.known_before is None
    assert yard.do(outcome.executed_by_reading, again.id, known, yard.declares) is None


def test_once_the_earlier_one_is_cleared_up_a_change_shows_again_what_was_done(yard: Yard) -> None:
    yard.report({**PARKED, "doors_locked": False})
    first = yard.lose("lock_door")
    yard.hear(first, Verdict.FAILED)
    yard.clock.advance(2)
    yard.report({**PARKED, "doors_locked": False})
    again = yard.lose("lock_door")
    yard.clock.advance(2)
    known = yard.report({"doors_locked": True})

    assert sure(yard.do(outcome.executed_by_reading, again.id, known, yard.declares)).state is State.EXECUTED


@pytest.mark.parametrize("age", [121.0, -31.0])
def test_what_could_not_be_relied_upon_before_the_sending_is_not_known_before(yard: Yard, age: float) -> None:
    yard.report({"speed": 0})
    yard.report({"doors_locked": False}, age=age)

    assert yard.send("lock_door").known_before is None


def test_a_reading_resolves_nothing_but_the_unknown(yard: Yard) -> None:
    yard.report({**PARKED, "doors_locked": False})
    accepted = yard.accept("lock_door")
    yard.clock.advance(4)
    known = yard.report({"doors_locked": True})

    assert yard.do(outcome.executed_by_reading, accepted.id, known, yard.declares) is None


def test_it_is_never_sent_again(yard: Yard) -> None:
    lost = yard.lose("start")

    assert yard.intent(lost) is None
    yard.clock.advance(400)
    assert yard.intent(lost) is None
    assert yard.row(lost).sent_at == NOW


def test_it_is_shown_as_error_at_its_answer_deadline_and_asked_about_for_a_day_more(yard: Yard) -> None:
    lost = yard.lose("start")
    yard.clock.advance(299)
    assert yard.lapse(lost) is None
    yard.clock.advance(1)

    revealed = sure(yard.lapse(lost))

    assert (revealed.status, revealed.state) == ("Error", State.UNKNOWN)
    row = sure(yard.open_row(lost))
    assert row.segment is None
    assert yard.rows("SELECT wake_at FROM open_command") == [(after(NOW, 300 + RESOLVE_FOR),)]


def test_after_that_day_nobody_asks_any_more(yard: Yard) -> None:
    lost = yard.lose("start")
    yard.clock.advance(300 + RESOLVE_FOR)

    yard.lapse(lost)

    assert yard.open_row(lost) is None
    assert yard.row(lost).status == "Error"


def test_a_lost_command_leaves_its_precondition_open_for_as_long_as_it_is_unknown(yard: Yard) -> None:
    """The vehicle may still act after its answer deadline, so that it says "not disabled" now refuses no enable."""
    yard.behind(**NO_WAY)
    yard.report(PARKED)
    lost = yard.lose("disable_ignition")
    yard.clock.advance(600)
    yard.lapse(lost)
    yard.clock.advance(1)
    yard.report({"ignition_disabled": False})

    assert yard.row(lost).state is State.UNKNOWN
    assert yard.register("enable_ignition").state is State.QUEUED
