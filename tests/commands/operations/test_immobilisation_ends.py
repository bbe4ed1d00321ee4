"""How an immobilisation record ends, and begins again, when several commands of unknown outcome meet."""

import json

import pytest

from keyturn.clock import after
from keyturn.commands.model.record import Command
from keyturn.connectors.responses import OutcomeKind
from keyturn.fleet import immobilisation
from tests.support.command_env import PARKED, CommandEnv, not_none
from tests.support.enrolment import NOW

from .immobilising import DISABLE, ENABLE, closed_by, says_enabled, state


@pytest.fixture(autouse=True)
def reachable(env: CommandEnv) -> None:
    env.report(PARKED)


def ids(env: CommandEnv) -> list[int]:
    return [number for (number,) in env.rows("SELECT id FROM immobilisation ORDER BY id")]


def lose_after_executing(env: CommandEnv) -> tuple[str, Command]:
    """A disable executed, and another one was lost after it."""
    first = env.execute(DISABLE)
    env.clock.advance(5)
    return first.id, env.lose(DISABLE)


def test_an_enable_ends_it_once_the_disable_before_it_is_known_not_to_have_happened(env: CommandEnv) -> None:
    _, lost = lose_after_executing(env)
    env.clock.advance(5)
    enable = env.execute(ENABLE)
    assert state(env) == "confirmed"

    env.respond(lost, OutcomeKind.FAILED)

    assert (state(env), closed_by(env)) == (None, [enable.id])


def test_an_enable_ends_it_once_the_disable_before_it_is_known_to_have_happened_before_it(env: CommandEnv) -> None:
    _, lost = lose_after_executing(env)
    env.clock.advance(5)
    enable = env.execute(ENABLE)

    env.respond(lost, OutcomeKind.SUCCEEDED, completed_at=after(NOW, 7))

    assert (state(env), closed_by(env)) == (None, [enable.id])


def test_a_disable_known_not_to_have_happened_ends_nothing_without_an_enable(env: CommandEnv) -> None:
    first, lost = lose_after_executing(env)

    env.respond(lost, OutcomeKind.FAILED)

    assert state(env) == "confirmed"
    assert not_none(env.see(immobilisation.open_record, env.names.vehicle)).opened_by == first


def test_an_enable_that_a_disable_undid_ends_nothing_later(env: CommandEnv) -> None:
    _, lost = lose_after_executing(env)
    env.clock.advance(5)
    env.execute(ENABLE)
    env.clock.advance(600)
    env.lapse(lost)
    env.report(PARKED)
    env.execute(DISABLE)

    env.respond(lost, OutcomeKind.FAILED)

    assert state(env) == "confirmed"


@pytest.mark.parametrize("ending", ["an enable", "a report"])
def test_a_disable_that_acted_after_its_record_was_closed_is_on_record_again(env: CommandEnv, ending: str) -> None:
    lost = env.lose(DISABLE)
    env.clock.advance(601)
    if ending == "an enable":
        env.execute(ENABLE)
    else:
        says_enabled(env)
    assert state(env) is None
    env.clock.advance(60)

    env.respond(lost, OutcomeKind.SUCCEEDED, completed_at=after(NOW, 630))

    assert state(env) == "confirmed"
    newest = ids(env)[-1]
    assert len(ids(env)) == 2
    kept = "SELECT command_id FROM immobilisation_command WHERE immobilisation_id = :record"
    assert env.rows(kept, record=newest) == [(lost.id,)]


def test_a_late_answer_of_before_the_report_that_closed_it_leaves_it_closed(env: CommandEnv) -> None:
    lost = env.lose(DISABLE)
    env.clock.advance(601)
    says_enabled(env)

    env.respond(lost, OutcomeKind.SUCCEEDED, completed_at=after(NOW, 3))

    assert state(env) is None


def test_a_report_closes_it_as_soon_as_the_last_disable_is_known_to_be_older(env: CommandEnv) -> None:
    lost = env.lose(DISABLE)
    env.clock.advance(10)
    says_enabled(env)
    assert state(env) == "possible"

    env.respond(lost, OutcomeKind.SUCCEEDED, completed_at=after(NOW, 3))

    assert (state(env), closed_by(env)) == (None, ["report"])


def test_a_lost_disable_is_still_waited_for_once_nobody_asks_about_it_any_more(env: CommandEnv) -> None:
    """The enable was sent before the disable's deadline; its own answer comes when the disable is closed."""
    lost = env.lose(DISABLE)
    env.clock.advance(590)
    enable = env.lose(ENABLE)
    env.clock.advance(86_400 + 15)
    env.lapse(lost)
    assert env.open_row(lost) is None

    env.respond(enable, OutcomeKind.SUCCEEDED, completed_at=after(NOW, 595))

    assert state(env) == "possible"


def test_each_disable_and_enable_of_an_immobilisation_is_kept(env: CommandEnv) -> None:
    first, lost = lose_after_executing(env)
    env.clock.advance(5)
    enable = env.lose(ENABLE)

    kept = env.rows("SELECT command_id FROM immobilisation_command ORDER BY command_id")

    assert [command_id for (command_id,) in kept] == sorted([first, lost.id, enable.id])


def test_immobilisation_is_audited_when_it_opens_is_confirmed_and_closes(env: CommandEnv) -> None:
    disable = env.execute(DISABLE)
    env.clock.advance(1)
    enable = env.execute(ENABLE)

    told = env.rows("SELECT kind, actor, body FROM entry WHERE kind LIKE 'immobilisation.%' ORDER BY seq")

    assert [(kind, actor) for kind, actor, _body in told] == [
        ("immobilisation.opened", env.names.application),
        ("immobilisation.confirmed", "engine"),
        ("immobilisation.closed", "engine"),
    ]
    bodies = [json.loads(body) for _kind, _actor, body in told]
    assert (bodies[0]["opened_by"], bodies[1]["opened_by"], bodies[2]["closed_by"]) == (
        disable.id,
        disable.id,
        enable.id,
    )


def test_a_report_of_before_a_lost_disable_could_have_acted_does_not_close_it(env: CommandEnv) -> None:
    """It is heard when the disable's time is over, and was made before: the vehicle may have done it in between."""
    env.lose(DISABLE)
    env.clock.advance(700)
    says_enabled(env, age=500)
    assert state(env) == "possible"

    says_enabled(env, age=50)
    assert (state(env), closed_by(env)) == (None, ["report"])


def test_report_received_before_the_disable_does_not_close_it_whatever_time_its_source_gives(env: CommandEnv) -> None:
    """The source's clock is ahead, within the tolerance: it dates what it said before the sending after it."""
    env.report({**PARKED, "ignition_disabled": False}, age=-10)
    env.clock.advance(1)
    env.execute(DISABLE)
    env.clock.advance(1)
    env.report({"speed": 0})

    assert state(env) == "confirmed"
