"""The wall clock is believed while it goes with the clock since boot; the store's time never stands still for long."""

import pytest

from keyturn.clock import SECOND, seconds_between
from keyturn.timekeeping import ClockState, Timekeeper
from tests.support.clock import START, ManualClock

QUARTER = 90 * 86_400.0


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(uptime=1_000.0)


@pytest.fixture
def time(clock: ManualClock) -> Timekeeper:
    return Timekeeper(clock, 2.0, "boot")


def seconds(instant: int) -> float:
    """Since the beginning of the test."""
    return seconds_between(START, instant)


def restarted(clock: ManualClock, time: Timekeeper, boot: str = "boot", *, committed: int | None = None) -> Timekeeper:
    """The timekeeper of the next process."""
    kept, newest = time.state(), time.store_now()
    later = Timekeeper(clock, 2.0, boot)
    later.resume(kept, newest if committed is None else committed)
    return later


@pytest.mark.parametrize(
    ("step", "fault"), [(-2.1, True), (-1.9, False), (0.0, False), (1.9, False), (2.1, True), (QUARTER, True)]
)
def test_a_step_of_more_than_two_seconds_either_way_is_a_fault(
    clock: ManualClock, time: Timekeeper, step: float, fault: bool
) -> None:
    clock.advance(10)

    clock.set_wall(step)

    assert time.check() is fault
    assert time.fault is fault
    assert time.gap == pytest.approx(step if fault else 0.0)


def test_a_machine_that_slept_has_no_fault(clock: ManualClock, time: Timekeeper) -> None:
    clock.advance(8 * 3_600)

    assert not time.check()


@pytest.mark.parametrize("step", [-3_600.0, QUARTER])
def test_a_wall_clock_that_was_set_is_not_followed_and_the_time_runs_on(
    clock: ManualClock, time: Timekeeper, step: float
) -> None:
    clock.set_wall(step)
    assert seconds(time.store_now()) == pytest.approx(0.0)

    clock.advance(300)

    assert seconds(time.store_now()) == pytest.approx(300.0)
    assert seconds(time.now()) == pytest.approx(300.0)
    assert time.moment().wall == clock.now()


def test_a_fault_backward_lasts_until_the_wall_clock_shows_what_it_would_have_shown(
    clock: ManualClock, time: Timekeeper
) -> None:
    clock.set_wall(-60)
    assert time.check()

    clock.advance(59)
    assert time.check()
    clock.advance(1)
    assert not time.check()


def test_a_fault_forward_does_not_pass_by_itself(clock: ManualClock, time: Timekeeper) -> None:
    clock.set_wall(60)
    clock.advance(3_600)

    assert time.check()


@pytest.mark.parametrize("step", [-60, 60])
def test_a_clock_that_is_set_right_again_is_no_fault_any_more(
    clock: ManualClock, time: Timekeeper, step: float
) -> None:
    clock.set_wall(step)
    assert time.check()

    clock.set_wall(-step)

    assert not time.check()


@pytest.mark.parametrize("step", [-3_600.0, QUARTER])
def test_a_time_that_an_operator_accepts_is_trusted_once_it_is_committed(
    clock: ManualClock, time: Timekeeper, step: float
) -> None:
    clock.set_wall(step)
    accepted = time.accepted_state()
    assert time.check()

    time.accept(accepted)

    assert not time.check()
    assert seconds(time.now()) == pytest.approx(step)
    assert seconds(time.store_now()) == pytest.approx(max(0.0, step))


def test_an_older_acceptance_is_ignored(clock: ManualClock, time: Timekeeper) -> None:
    before = time.state()
    clock.set_wall(QUARTER)

    time.accept(before)

    assert time.check()


def test_a_time_far_ahead_runs_on_with_the_clock_since_boot(clock: ManualClock) -> None:
    time = Timekeeper(clock, 2.0, "boot")
    time.resume(None, clock.now() + round(QUARTER * SECOND))

    clock.advance(300)

    assert seconds(time.store_now()) == pytest.approx(QUARTER + 300)


def test_a_time_a_little_ahead_waits_for_the_wall_clock(clock: ManualClock, time: Timekeeper) -> None:
    time.store_now()
    clock.set_wall(-1)
    assert seconds(time.store_now()) == pytest.approx(0.0)
    clock.advance(0.5)
    assert seconds(time.store_now()) == pytest.approx(0.0)
    clock.advance(1.0)

    assert seconds(time.store_now()) == pytest.approx(0.5)


@pytest.mark.parametrize("step", [-3_600.0, QUARTER])
def test_a_step_between_two_processes_is_seen_by_the_second(clock: ManualClock, time: Timekeeper, step: float) -> None:
    clock.advance(5)
    clock.set_wall(step)

    later = restarted(clock, time)

    assert later.check()
    assert seconds(later.store_now()) == pytest.approx(5.0)


def test_a_time_that_is_ahead_goes_on_over_restarts(clock: ManualClock, time: Timekeeper) -> None:
    time.resume(None, clock.now() + round(QUARTER * SECOND))
    committed = time.store_now()
    clock.advance(100)

    later = restarted(clock, time, committed=committed)
    clock.advance(100)

    assert seconds(later.store_now()) == pytest.approx(QUARTER + 200)


def test_after_another_boot_a_wall_clock_behind_what_is_committed_is_a_fault_until_accepted(
    clock: ManualClock, time: Timekeeper
) -> None:
    time.accept(_accepted_jump(clock, time))
    clock.set_wall(-QUARTER)

    later = restarted(clock, time, "another boot")

    assert later.check()
    assert later.gap == pytest.approx(-QUARTER)
    later.accept(later.accepted_state())
    assert not later.check()
    assert later.moment().ahead == pytest.approx(QUARTER * SECOND)
    assert not restarted(clock, later, "a third boot").check(), "it was accepted once"


def test_after_another_boot_a_machine_that_was_off_has_no_fault(clock: ManualClock, time: Timekeeper) -> None:
    kept, newest = time.state(), time.store_now()
    off = ManualClock(uptime=3.0)
    off.set_wall(3.0 + QUARTER)

    later = Timekeeper(off, 2.0, "another boot")
    later.resume(kept, newest)

    assert not later.check()
    assert later.store_now() == off.now()


def test_the_stored_state_differs_after_a_reboot_and_after_a_large_change(clock: ManualClock, time: Timekeeper) -> None:
    kept = time.state()
    assert time.differs_from(None)
    clock.advance(1_000)
    assert not time.differs_from(kept)
    assert time.differs_from(ClockState("another boot", kept.wall, kept.store))
    clock.set_wall(1.5)
    time.check()
    assert time.differs_from(kept)


def test_a_state_is_to_be_saved_at_first_and_after_a_step_that_is_believed(
    clock: ManualClock, time: Timekeeper
) -> None:
    time.store_now()
    first = time.unsaved()
    assert first is not None
    assert first == time.state()
    time.saved(first)
    clock.advance(1_000)
    clock.set_wall(0.4)
    time.store_now()
    assert time.unsaved() is None

    clock.set_wall(1.5)
    time.store_now()

    assert time.unsaved() == time.state()


def test_the_next_process_of_one_boot_knows_what_was_saved(clock: ManualClock, time: Timekeeper) -> None:
    assert restarted(clock, time).unsaved() is None
    assert restarted(clock, time, "another boot").unsaved() is not None
    assert Timekeeper(clock).unsaved() is None, "without a boot's id nothing can be compared"


def test_without_a_step_limit_any_wall_clock_is_trusted(clock: ManualClock) -> None:
    time = Timekeeper(clock)
    clock.set_wall(QUARTER)
    assert not time.check()
    assert seconds(time.store_now()) == pytest.approx(QUARTER)


def test_a_time_ahead_of_an_accepted_wall_clock_runs_on(clock: ManualClock, time: Timekeeper) -> None:
    time.resume(None, clock.now() + round(QUARTER * SECOND))
    time.accept(time.accepted_state())

    clock.advance(300)

    assert not time.check()
    assert seconds(time.now()) == pytest.approx(300)
    assert seconds(time.store_now()) == pytest.approx(QUARTER + 300)


def _accepted_jump(clock: ManualClock, time: Timekeeper) -> ClockState:
    clock.set_wall(QUARTER)
    return time.accepted_state()
