"""When a vehicle counts as immobilised: from the intent of a disable, until it is certain that it is not."""

import pytest

from keyturn.clock import after
from keyturn.config.settings import EvidenceSettings
from keyturn.connectors.responses import OutcomeKind, SignalReading, StateReport
from keyturn.engine import vehicle_reader as reports
from tests.support.command_env import PARKED, CommandEnv, not_none
from tests.support.enrolment import NOW

from .immobilising import DISABLE, ENABLE, closed_by, says_enabled, state

NO_WAY_TO_ASK = {"finds_by_reference": False, "reads_state": False}


@pytest.fixture(autouse=True)
def reachable(env: CommandEnv) -> None:
    env.report(PARKED)


def test_immobilisation_is_possible_from_the_intent_on(env: CommandEnv) -> None:
    queued = env.register(DISABLE)
    assert state(env) is None

    env.intent(queued)

    assert state(env) == "possible"


def test_immobilisation_is_confirmed_once_the_disable_executed(env: CommandEnv) -> None:
    env.execute(DISABLE)

    assert state(env) == "confirmed"


@pytest.mark.parametrize(
    "verdict", [OutcomeKind.FAILED, OutcomeKind.REFUSED, OutcomeKind.NOT_TAKEN], ids=["failed", "refused", "not taken"]
)
def test_immobilisation_is_over_once_the_disable_is_known_not_to_have_happened(
    env: CommandEnv, verdict: OutcomeKind
) -> None:
    sent = env.send(DISABLE)

    env.respond(sent, verdict)

    assert (state(env), closed_by(env)) == (None, [sent.id])
    assert env.rows("SELECT actor FROM entry WHERE kind = 'immobilisation.closed'") == [("engine",)]


def test_a_disable_that_will_be_tried_again_opens_it_again(env: CommandEnv) -> None:
    sent = env.send(DISABLE)
    waiting = not_none(env.respond(sent, OutcomeKind.NOT_TAKEN, temporary=True))
    assert state(env) is None
    env.clock.advance(1)

    env.intent(waiting)

    assert state(env) == "possible"


@pytest.mark.parametrize("verdict", [OutcomeKind.UNCLEAR, OutcomeKind.NO_OPERATION, OutcomeKind.IN_PROGRESS])
def test_immobilisation_stays_possible_while_nobody_knows(env: CommandEnv, verdict: OutcomeKind) -> None:
    env.respond(env.send(DISABLE), verdict)

    assert state(env) == "possible"


def test_a_failed_disable_leaves_it_open_for_another_that_may_still_act(env: CommandEnv) -> None:
    first = env.lose(DISABLE)
    env.clock.advance(601)
    env.lapse(first)
    env.report(PARKED)
    second = env.lose(DISABLE)

    env.respond(first, OutcomeKind.FAILED)
    assert state(env) == "possible"

    env.respond(second, OutcomeKind.FAILED)
    assert state(env) is None


def test_a_disable_that_failed_later_leaves_the_first_ones_alone(env: CommandEnv) -> None:
    env.execute(DISABLE)
    env.clock.advance(1)

    env.respond(env.send(DISABLE), OutcomeKind.FAILED)

    assert state(env) == "confirmed"


def test_an_enable_that_executed_ends_it(env: CommandEnv) -> None:
    env.execute(DISABLE)
    env.clock.advance(1)

    enable = env.execute(ENABLE)

    assert (state(env), closed_by(env)) == (None, [enable.id])


@pytest.mark.parametrize("verdict", [OutcomeKind.FAILED, OutcomeKind.UNCLEAR, OutcomeKind.IN_PROGRESS])
def test_an_enable_of_which_that_is_not_known_does_not(env: CommandEnv, verdict: OutcomeKind) -> None:
    env.execute(DISABLE)
    env.clock.advance(1)

    env.respond(env.send(ENABLE), verdict)

    assert state(env) == "confirmed"


@pytest.mark.parametrize(("waited", "left"), [(10, "possible"), (601, None)])
def test_an_enable_does_not_end_what_a_lost_disable_may_still_do(
    env: CommandEnv, waited: float, left: str | None
) -> None:
    """The lost disable may act until its answer deadline, after ten minutes."""
    env.lose(DISABLE)
    env.clock.advance(waited)

    env.execute(ENABLE)

    assert state(env) == left


def test_an_enable_that_acted_before_the_disable_does_not_end_it(env: CommandEnv) -> None:
    lost = env.lose(ENABLE)
    env.clock.advance(20)
    env.execute(DISABLE)

    env.respond(lost, OutcomeKind.SUCCEEDED, completed_at=after(NOW, 3))

    assert state(env) == "confirmed"


def test_an_enable_sent_before_the_disable_does_not_end_it_where_the_oem_does_not_say_when(env: CommandEnv) -> None:
    lost = env.lose(ENABLE)
    env.clock.advance(20)
    env.execute(DISABLE)
    env.clock.advance(20)

    env.respond(lost, OutcomeKind.SUCCEEDED)

    assert state(env) == "confirmed"


def test_a_disable_that_acted_before_the_enable_is_not_confirmed_by_its_late_answer(env: CommandEnv) -> None:
    lost = env.lose(DISABLE)
    env.clock.advance(20)
    env.execute(ENABLE)

    env.respond(lost, OutcomeKind.SUCCEEDED, completed_at=after(NOW, 3))

    assert state(env) is None


def test_a_disable_that_may_have_acted_after_the_enable_keeps_it_open(env: CommandEnv) -> None:
    """It was sent before, and the OEM does not say when the vehicle did it."""
    lost = env.lose(DISABLE)
    env.clock.advance(20)
    env.execute(ENABLE)
    env.clock.advance(20)

    env.respond(lost, OutcomeKind.SUCCEEDED)

    assert state(env) is not None


def test_a_newer_report_that_says_enabled_ends_it(env: CommandEnv) -> None:
    env.execute(DISABLE)
    env.clock.advance(1)

    says_enabled(env)

    assert (state(env), closed_by(env)) == (None, ["report"])


def test_a_report_not_newer_than_the_disable_does_not(env: CommandEnv) -> None:
    env.execute(DISABLE)

    says_enabled(env)

    assert state(env) == "confirmed"


@pytest.mark.parametrize(("waited", "left"), [(10, "possible"), (601, None)])
def test_a_report_ends_a_lost_disable_once_it_cannot_act_any_more(
    env: CommandEnv, waited: float, left: str | None
) -> None:
    env.lose(DISABLE)
    env.clock.advance(waited)

    says_enabled(env)

    assert state(env) == left


def test_a_report_does_not_end_a_disable_that_the_oem_has(env: CommandEnv) -> None:
    env.accept(DISABLE)
    env.clock.advance(10)

    says_enabled(env)

    assert state(env) == "possible"


@pytest.mark.parametrize("value", [True, None])
def test_a_report_that_says_anything_else_ends_nothing(env: CommandEnv, value: bool | None) -> None:
    env.execute(DISABLE)
    env.clock.advance(1)

    env.report({"ignition_disabled": value})

    assert state(env) == "confirmed"


def test_a_report_from_the_future_closes_nothing(env: CommandEnv) -> None:
    env.execute(DISABLE)
    env.clock.advance(1)
    tomorrow = after(env.clock.now(), 86_400)

    heard = StateReport({"ignition_disabled": SignalReading(False, None, tomorrow)})
    env.do(reports.record_report, env.vehicle(), heard, EvidenceSettings())

    assert state(env) == "confirmed"
