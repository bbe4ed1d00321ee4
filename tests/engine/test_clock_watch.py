import pytest

from keyturn.clock import SECOND
from keyturn.engine.clock_watch import Budgets


class TwoClocks:
    """A wall clock that can be set, beside one that nobody sets."""

    def __init__(self) -> None:
        self.elapsed = 1_000.0
        self.offset = 1_700_000_000.0

    def pass_time(self, seconds: float) -> None:
        self.elapsed += seconds

    def set_wall(self, by: float) -> None:
        self.offset += by

    def now(self) -> int:
        return round((self.offset + self.elapsed) * SECOND)

    def monotonic(self) -> float:
        return self.elapsed

    def boottime(self) -> float:
        return self.elapsed


@pytest.fixture
def clock() -> TwoClocks:
    return TwoClocks()


def test_a_clock_that_is_set_back_does_not_lengthen_a_budget(clock: TwoClocks) -> None:
    budgets = Budgets(clock)
    budgets.grant("a", clock.now(), clock.now() + 60 * SECOND)
    clock.pass_time(59)
    clock.set_wall(-3_600)
    budgets.grant("a", clock.now(), clock.now() + 3_660 * SECOND)
    assert not budgets.spent("a")

    clock.pass_time(1)

    assert budgets.spent("a")


def test_a_command_without_a_budget_has_not_spent_it(clock: TwoClocks) -> None:
    budgets = Budgets(clock)
    budgets.grant("a", clock.now(), clock.now())
    assert budgets.spent("a")

    budgets.forget("a")

    assert not budgets.spent("a")
