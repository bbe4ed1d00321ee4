import pytest

from keyturn.engine.send_guards import Breaker
from tests.support.clock import ManualClock

PAUSE = 10.0


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def breaker(clock: ManualClock) -> Breaker:
    return Breaker(clock, vehicles=3, pause=PAUSE)


def fail_at(breaker: Breaker, *vehicles: str) -> None:
    for vehicle in vehicles:
        breaker.note(vehicle, failed=True)


def test_failures_at_so_many_vehicles_in_a_row_open_it(breaker: Breaker) -> None:
    fail_at(breaker, "a", "b")
    assert breaker.closed_in() == 0

    fail_at(breaker, "c")

    assert breaker.closed_in() == PAUSE


def test_one_faulty_vehicle_does_not_open_the_breaker(breaker: Breaker) -> None:
    fail_at(breaker, *["a"] * 20)

    assert breaker.closed_in() == 0


def test_a_success_between_them_starts_anew(breaker: Breaker) -> None:
    fail_at(breaker, "a", "b")
    breaker.note("d", failed=False)

    fail_at(breaker, "c")

    assert breaker.closed_in() == 0


def test_breaker_lets_one_call_try_after_the_pause(breaker: Breaker, clock: ManualClock) -> None:
    fail_at(breaker, "a", "b", "c")
    clock.advance(PAUSE)

    assert breaker.closed_in() == 0
    assert breaker.closed_in() == PAUSE


def test_a_call_that_succeeds_closes_it(breaker: Breaker, clock: ManualClock) -> None:
    fail_at(breaker, "a", "b", "c")
    clock.advance(PAUSE)
    assert breaker.closed_in() == 0

    breaker.note("a", failed=False)

    assert [breaker.closed_in() for _ in range(3)] == [0, 0, 0]


def test_a_call_that_fails_opens_it_again(breaker: Breaker, clock: ManualClock) -> None:
    fail_at(breaker, "a", "b", "c")
    clock.advance(PAUSE)
    assert breaker.closed_in() == 0
    clock.advance(1)

    breaker.note("a", failed=True)

    assert breaker.closed_in() == PAUSE
