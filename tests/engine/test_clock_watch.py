import pytest

from keyturn.clock import SECOND
from keyturn.engine.send_guards import SendBudgets
from tests.support.clock import ManualClock


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def test_a_clock_that_is_set_back_does_not_lengthen_a_budget(clock: ManualClock) -> None:
    budgets = SendBudgets(clock)
    budgets.grant("a", clock.now(), clock.now() + 60 * SECOND)
    clock.advance(59)
    clock.set_wall(-3_600)
    budgets.grant("a", clock.now(), clock.now() + 3_660 * SECOND)
    assert not budgets.spent("a")

    clock.advance(1)

    assert budgets.spent("a")


def test_a_command_without_a_budget_has_not_spent_it(clock: ManualClock) -> None:
    budgets = SendBudgets(clock)
    budgets.grant("a", clock.now(), clock.now())
    assert budgets.spent("a")

    budgets.forget("a")

    assert not budgets.spent("a")
