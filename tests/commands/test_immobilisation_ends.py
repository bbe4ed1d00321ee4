"""How an immobilisation record ends, and begins again, when several commands of unknown outcome meet."""

import json

import pytest

from keyturn.clock import after
from keyturn.commands.record import Command
from keyturn.connectors.port import Verdict
from keyturn.fleet import immobilisation

from .immobilising import DISABLE, ENABLE, closed_by, says_enabled, state
from .installation import NOW
from .yard import PARKED, Yard, sure


@pytest.fixture(autouse=True)
def reachable(yard: Yard) -> None:
    yard.report(PARKED)


def ids(yard: Yard) -> list[int]:
    return [number for (number,) in yard.rows("SELECT id FROM immobilisation ORDER BY id")]


def lose_after_executing(yard: Yard) -> tuple[str, Command]:
    """A disable executed, and another one was lost after it."""
    first = yard.execute(DISABLE)
    yard.clock.advance(5)
    return first.id, yard.lose(DISABLE)


def test_an_enable_ends_it_once_the_disable_before_it_is_known_not_to_have_happened(yard: Yard) -> None:
    _, lost = lose_after_executing(yard)
    yard.clock.advance(5)
    enable = yard.execute(ENABLE)
    assert state(yard) == "confirmed"

    yard.hear(lost, Verdict.FAILED)

    assert (state(yard), closed_by(yard)) == (None, [enable.id])


def test_an_enable_ends_it_once_the_disable_before_it_is_known_to_have_happened_before_it(yard: Yard) -> None:
    _, lost = lose_after_executing(yard)
    yard.clock.advance(5)
    enable = yard.execute(ENABLE)

    yard.hear(lost, Verdict.SUCCEEDED, completed_at=after(NOW, 7))

    assert (state(yard), closed_by(yard)) == (None, [enable.id])


def test_a_disable_known_not_to_have_happened_ends_nothing_without_an_enable(yard: Yard) -> None:
    first, lost = lose_after_executing(yard)

    yard.hear(lost, Verdict.FAILED)

    assert state(yard) == "confirmed"
    assert sure(yard.see(immobilisation.open_record, yard.names.vehicle)).opened_by == first


def test_an_enable_that_a_disable_undid_ends_nothing_later(yard: Yard) -> None:
    _, lost = lose_after_executing(yard)
    yard.clock.advance(5)
    yard.execute(ENABLE)
    yard.clock.advance(600)
    yard.lapse(lost)
    yard.report(PARKED)
    yard.execute(DISABLE)

    yard.hear(lost, Verdict.FAILED)

    assert state(yard) == "confirmed"


@pytest.mark.parametrize("ending", ["an enable", "a report"])
def test_a_disable_that_acted_after_its_record_was_closed_is_on_record_again(yard: Yard, ending: str) -> None:
    lost = yard.lose(DISABLE)
    yard.clock.advance(601)
    if ending == "an enable":
        yard.execute(ENABLE)
    else:
        says_enabled(yard)
    assert state(yard) is None
    yard.clock.advance(60)

    yard.hear(lost, Verdict.SUCCEEDED, completed_at=after(NOW, 630))

    assert state(yard) == "confirmed"
    newest = ids(yard)[-1]
    assert len(ids(yard)) == 2
    kept = "SELECT command_id FROM immobilisation_command WHERE immobilisation_id = :record"
    assert yard.rows(kept, record=newest) == [(lost.id,)]


def test_a_late_answer_of_before_the_report_that_closed_it_leaves_it_closed(yard: Yard) -> None:
    lost = yard.lose(DISABLE)
    yard.clock.advance(601)
    says_enabled(yard)

    yard.hear(lost, Verdict.SUCCEEDED, completed_at=after(NOW, 3))

    assert state(yard) is None


def test_a_report_closes_it_as_soon_as_the_last_disable_is_known_to_be_older(yard: Yard) -> None:
    lost = yard.lose(DISABLE)
    yard.clock.advance(10)
    says_enabled(yard)
    assert state(yard) == "possible"

    yard.hear(lost, Verdict.SUCCEEDED, completed_at=after(NOW, 3))

    assert (state(yard), closed_by(yard)) == (None, ["report"])


def test_a_lost_disable_is_still_waited_for_once_nobody_asks_about_it_any_more(yard: Yard) -> None:
    """The enable was sent before the disable's deadline; its own answer comes when the disable is closed."""
    lost = yard.lose(DISABLE)
    yard.clock.advance(590)
    enable = yard.lose(ENABLE)
    yard.clock.advance(86_400 + 15)
    yard.lapse(lost)
    assert yard.open_row(lost) is None

    yard.hear(enable, Verdict.SUCCEEDED, completed_at=after(NOW, 595))

    assert state(yard) == "possible"


def test_each_disable_and_enable_that_touched_it_is_kept(yard: Yard) -> None:
    first, lost = lose_after_executing(yard)
    yard.clock.advance(5)
    enable = yard.lose(ENABLE)

    kept = yard.rows("SELECT command_id FROM immobilisation_command ORDER BY command_id")

    assert [command_id for (command_id,) in kept] == sorted([first, lost.id, enable.id])


def test_it_is_told_when_it_opens_is_confirmed_and_closes(yard: Yard) -> None:
    disable = yard.execute(DISABLE)
    yard.clock.advance(1)
    enable = yard.execute(ENABLE)

    told = yard.rows("SELECT kind, actor, body FROM entry WHERE kind LIKE 'immobilisation.%' ORDER BY seq")

    assert [(kind, actor) for kind, actor, _body in told] == [
        ("immobilisation.opened", yard.names.application),
        ("immobilisation.confirmed", "engine"),
        ("immobilisation.closed", "engine"),
    ]
    bodies = [json.loads(body) for _kind, _actor, body in told]
    assert (bodies[0]["opened_by"], bodies[1]["opened_by"], bodies[2]["closed_by"]) == (
        disable.id,
        disable.id,
        enable.id,
    )


def test_a_report_of_before_a_lost_disable_could_have_acted_does_not_close_it(yard: Yard) -> None:
    """It is heard when the disable's time is over, and was made before: the vehicle may have done it in between."""
    yard.lose(DISABLE)
    yard.clock.advance(700)
    says_enabled(yard, age=500)
    assert state(yard) == "possible"

    says_enabled(yard, age=50)
    assert (state(yard), closed_by(yard)) == (None, ["report"])
