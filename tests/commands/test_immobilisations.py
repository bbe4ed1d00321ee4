"""When a vehicle counts as immobilised: from the intent of a disable, until it is certain that it is not."""

import pytest

from keyturn.clock import after
from keyturn.config.settings import EvidenceSettings
from keyturn.connectors.port import Reading, StateReport, Verdict
from keyturn.engine import vehicles as reports

from .immobilising import DISABLE, ENABLE, closed_by, says_enabled, state
from .installation import NOW
from .yard import PARKED, Yard, sure

NO_WAY_TO_ASK = {"looks_up": False, "reads_state": False}


@pytest.fixture(autouse=True)
def reachable(yard: Yard) -> None:
    yard.report(PARKED)


def test_it_is_possible_from_the_intent_on(yard: Yard) -> None:
    queued = yard.register(DISABLE)
    assert state(yard) is None

    yard.intent(queued)

    assert state(yard) == "possible"


def test_it_is_confirmed_once_the_disable_executed(yard: Yard) -> None:
    yard.execute(DISABLE)

    assert state(yard) == "confirmed"


@pytest.mark.parametrize(
    "verdict", [Verdict.FAILED, Verdict.REFUSED, Verdict.NOT_TAKEN], ids=["failed", "refused", "not taken"]
)
def test_it_is_over_once_the_disable_is_known_not_to_have_happened(yard: Yard, verdict: Verdict) -> None:
    sent = yard.send(DISABLE)

    yard.hear(sent, verdict)

    assert (state(yard), closed_by(yard)) == (None, [sent.id])
    assert yard.rows("SELECT actor FROM entry WHERE kind = 'immobilisation.closed'") == [("engine",)]


def test_a_disable_that_will_be_tried_again_opens_it_again(yard: Yard) -> None:
    sent = yard.send(DISABLE)
    waiting = sure(yard.hear(sent, Verdict.NOT_TAKEN, temporary=True))
    assert state(yard) is None
    yard.clock.advance(1)

    yard.intent(waiting)

    assert state(yard) == "possible"


@pytest.mark.parametrize("verdict", [Verdict.UNCLEAR, Verdict.NO_OPERATION, Verdict.IN_PROGRESS])
def test_it_stays_possible_while_nobody_knows(yard: Yard, verdict: Verdict) -> None:
    yard.hear(yard.send(DISABLE), verdict)

    assert state(yard) == "possible"


def test_a_failed_disable_leaves_it_open_for_another_that_may_still_act(yard: Yard) -> None:
    first = yard.lose(DISABLE)
    yard.clock.advance(601)
    yard.lapse(first)
    yard.report(PARKED)
    second = yard.lose(DISABLE)

    yard.hear(first, Verdict.FAILED)
    assert state(yard) == "possible"

    yard.hear(second, Verdict.FAILED)
    assert state(yard) is None


def test_a_disable_that_failed_later_leaves_the_first_ones_alone(yard: Yard) -> None:
    yard.execute(DISABLE)
    yard.clock.advance(1)

    yard.hear(yard.send(DISABLE), Verdict.FAILED)

    assert state(yard) == "confirmed"


def test_an_enable_that_executed_ends_it(yard: Yard) -> None:
    yard.execute(DISABLE)
    yard.clock.advance(1)

    enable = yard.execute(ENABLE)

    assert (state(yard), closed_by(yard)) == (None, [enable.id])


@pytest.mark.parametrize("verdict", [Verdict.FAILED, Verdict.UNCLEAR, Verdict.IN_PROGRESS])
def test_an_enable_of_which_that_is_not_known_does_not(yard: Yard, verdict: Verdict) -> None:
    yard.execute(DISABLE)
    yard.clock.advance(1)

    yard.hear(yard.send(ENABLE), verdict)

    assert state(yard) == "confirmed"


@pytest.mark.parametrize(("waited", "left"), [(10, "possible"), (601, None)])
def test_an_enable_does_not_end_what_a_lost_disable_may_still_do(yard: Yard, waited: float, left: str | None) -> None:
    """The lost disable may act until its answer deadline, after ten minutes."""
    yard.lose(DISABLE)
    yard.clock.advance(waited)

    yard.execute(ENABLE)

    assert state(yard) == left


def test_an_enable_that_acted_before_the_disable_does_not_end_it(yard: Yard) -> None:
    lost = yard.lose(ENABLE)
    yard.clock.advance(20)
    yard.execute(DISABLE)

    yard.hear(lost, Verdict.SUCCEEDED, completed_at=after(NOW, 3))

    assert state(yard) == "confirmed"


def test_an_enable_sent_before_the_disable_does_not_end_it_where_the_oem_does_not_say_when(yard: Yard) -> None:
    lost = yard.lose(ENABLE)
    yard.clock.advance(20)
    yard.execute(DISABLE)
    yard.clock.advance(20)

    yard.hear(lost, Verdict.SUCCEEDED)

    assert state(yard) == "confirmed"


def test_a_disable_that_acted_before_the_enable_is_not_confirmed_by_its_late_answer(yard: Yard) -> None:
    lost = yard.lose(DISABLE)
    yard.clock.advance(20)
    yard.execute(ENABLE)

    yard.hear(lost, Verdict.SUCCEEDED, completed_at=after(NOW, 3))

    assert state(yard) is None


def test_a_disable_that_may_have_acted_after_the_enable_keeps_it_open(yard: Yard) -> None:
    """It was sent before, and the OEM does not say when the vehicle did it."""
    lost = yard.lose(DISABLE)
    yard.clock.advance(20)
    yard.execute(ENABLE)
    yard.clock.advance(20)

    yard.hear(lost, Verdict.SUCCEEDED)

    assert state(yard) is not None


def test_a_newer_report_that_says_enabled_ends_it(yard: Yard) -> None:
    yard.execute(DISABLE)
    yard.clock.advance(1)

    says_enabled(yard)

    assert (state(yard), closed_by(yard)) == (None, ["report"])


def test_a_report_not_newer_than_the_disable_does_not(yard: Yard) -> None:
    yard.execute(DISABLE)

    says_enabled(yard)

    assert state(yard) == "confirmed"


@pytest.mark.parametrize(("waited", "left"), [(10, "possible"), (601, None)])
def test_a_report_ends_a_lost_disable_once_it_cannot_act_any_more(yard: Yard, waited: float, left: str | None) -> None:
    yard.lose(DISABLE)
    yard.clock.advance(waited)

    says_enabled(yard)

    assert state(yard) == left


def test_a_report_does_not_end_a_disable_that_the_oem_has(yard: Yard) -> None:
    yard.accept(DISABLE)
    yard.clock.advance(10)

    says_enabled(yard)

    assert state(yard) == "possible"


@pytest.mark.parametrize("value", [True, None])
def test_a_report_that_says_anything_else_ends_nothing(yard: Yard, value: bool | None) -> None:
    yard.execute(DISABLE)
    yard.clock.advance(1)

    yard.report({"ignition_disabled": value})

    assert state(yard) == "confirmed"


def test_a_report_from_the_future_closes_nothing(yard: Yard) -> None:
    yard.execute(DISABLE)
    yard.clock.advance(1)
    tomorrow = after(yard.clock.now(), 86_400)

    heard = StateReport({"ignition_disabled": Reading(False, None, tomorrow)})
    yard.do(reports.absorb, yard.vehicle(), heard, EvidenceSettings())

    assert state(yard) == "confirmed"
