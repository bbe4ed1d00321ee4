"""Places in the lane are taken with Queued; opposites supersede; deadlines of restoring commands wait the lane out."""

import pytest

from keyturn.clock import after
from keyturn.commands.model import lanes
from keyturn.commands.model.record import OpenCommand
from keyturn.commands.model.states import State
from keyturn.connectors.responses import OutcomeKind
from tests.support.command_env import PARKED, CommandEnv, not_none
from tests.support.enrolment import NOW

from .drafts import draft, place, written

SUPERSEDING = [("cancel_start", "start"), ("cancel_alert", "alert"), ("enable_ignition", "disable_ignition")]
DOORS = [("lock_door", "unlock_door"), ("unlock_door", "lock_door")]


def test_places_are_taken_in_the_order_of_becoming_queued(env: CommandEnv) -> None:
    _, code = env.first_step("enable_ignition")
    first = env.register("start")
    read = env.register("location")
    second = not_none(env.ask("enable_ignition", code).waiting)

    assert place(first) < place(second)
    assert read.lane_number is None


def test_a_refused_command_takes_no_place(env: CommandEnv) -> None:
    env.report({"speed": 40})
    refused = env.register("start")
    env.report(PARKED)

    assert refused.lane_number is None
    assert env.register("start").lane_number is not None


def test_places_rise_over_the_life_of_a_vehicle(env: CommandEnv) -> None:
    places = []
    for _ in range(3):
        command = env.send("alert")
        places.append(place(command))
        env.respond(command, OutcomeKind.SUCCEEDED)
        assert env.open_row(command) is None
        env.clock.advance(1)

    assert places == sorted(set(places))


@pytest.mark.parametrize(
    ("numbers", "segments", "behind"),
    [((), (), NOW), ((3, 7), (None, 2), NOW), ((NOW, None), (0, NOW + 4), NOW + 5), ((NOW + 8,), (0,), NOW + 9)],
    ids=["free", "numbers of before", "a group", "the clock was slower"],
)
def test_a_place_is_behind_every_open_command_and_its_group(
    numbers: tuple[int | None, ...], segments: tuple[int | None, ...], behind: int
) -> None:
    rows = [
        OpenCommand(str(place), "v", "start", State.QUEUED, number, segment, None, 0)
        for place, (number, segment) in enumerate(zip(numbers, segments, strict=False))
    ]

    assert lanes.next_number(rows, NOW) == behind


def test_two_that_become_queued_at_one_instant_have_two_places(env: CommandEnv) -> None:
    superseded = env.register("unlock_door")
    command = env.register("lock_door")
    later = env.register("alert")

    assert place(superseded) < place(command) < place(later)


@pytest.mark.parametrize(("restoring", "opposite"), SUPERSEDING)
def test_a_restoring_command_cancels_its_queued_opposite(env: CommandEnv, restoring: str, opposite: str) -> None:
    env.report(PARKED)
    waiting = env.register(opposite)

    command = env.register(restoring)

    superseded = env.row(waiting)
    assert (superseded.state, superseded.detail) == (State.CANCELLED, f'"Superseded by command {command.id}."')
    assert (superseded.post_code, command.supersedes) == (200, waiting.id)
    assert env.open_row(waiting) is None


def test_restoring_command_cancels_an_opposite_that_waits_for_an_approval(env: CommandEnv) -> None:
    waiting = env.do(written, draft(env.names, State.AWAITING_APPROVAL, "disable_ignition", lane_number=None))

    command = env.register("enable_ignition")

    assert (env.row(waiting).state, command.supersedes) == (State.CANCELLED, waiting.id)


def test_the_first_step_of_enable_cancels_nothing_yet(env: CommandEnv) -> None:
    env.report(PARKED)
    waiting = env.register("disable_ignition")

    env.first_step("enable_ignition")

    assert env.row(waiting).state is State.QUEUED


def test_supersession_stands_whatever_becomes_of_the_restoring_command(env: CommandEnv) -> None:
    env.report(PARKED)
    waiting = env.register("disable_ignition")
    env.clock.advance(1)
    env.report({"speed": 40})

    refused = env.register("enable_ignition")

    assert (refused.state, env.row(waiting).state) == (State.REFUSED, State.CANCELLED)
    assert refused.supersedes == waiting.id


def test_restoring_command_is_not_refused_by_what_it_superseded(env: CommandEnv) -> None:
    """The vehicle says that no remote start is active; the one that was Queued may have been meant."""
    env.report({"remote_start_active": False})
    env.register("start")

    queued = env.register("cancel_start")

    assert queued.state is State.QUEUED
    assert not_none(env.intent(queued)).state is State.DISPATCHING


@pytest.mark.parametrize(("newer", "older"), DOORS)
def test_doors_supersede_each_other(env: CommandEnv, newer: str, older: str) -> None:
    waiting = env.register(older)

    command = env.register(newer)

    assert env.row(waiting).state is State.CANCELLED
    assert command.supersedes == waiting.id


@pytest.mark.parametrize(("newer", "older"), DOORS)
def test_a_door_command_that_is_refused_supersedes_nothing(env: CommandEnv, newer: str, older: str) -> None:
    waiting = env.register(older)
    env.report({"speed": 40})

    refused = env.register(newer)

    assert (refused.state, refused.supersedes) == (State.REFUSED, None)
    assert env.row(waiting).state is State.QUEUED


@pytest.mark.parametrize(("newer", "older"), [*DOORS, *SUPERSEDING])
def test_sent_command_is_not_superseded(env: CommandEnv, newer: str, older: str) -> None:
    env.report(PARKED)
    sent = env.send(older)

    command = env.register(newer)

    assert (env.row(sent).state, command.supersedes) == (State.DISPATCHING, None)


@pytest.mark.parametrize(("later", "earlier"), [("start", "cancel_start"), ("alert", "cancel_alert")])
def test_restoring_command_is_never_superseded(env: CommandEnv, later: str, earlier: str) -> None:
    waiting = env.register(earlier)

    behind = env.register(later)

    assert env.row(waiting).state is State.QUEUED
    assert (behind.lane_number, behind.supersedes) == (place(waiting) + 1, None)


def test_disable_queues_behind_enable(env: CommandEnv) -> None:
    env.report(PARKED)
    waiting = env.register("enable_ignition")

    assert place(env.register("disable_ignition")) > place(waiting)
    assert env.row(waiting).state is State.QUEUED


def test_a_restoring_command_waits_two_minutes_at_least(env: CommandEnv) -> None:
    assert env.register("cancel_alert").send_deadline == after(NOW, 120)


def test_restoring_command_waits_out_what_was_sent_and_a_minute_more(env: CommandEnv) -> None:
    sent = env.send("start")
    env.clock.advance(10)

    assert env.register("cancel_alert").send_deadline == after(sent.answer_deadline or 0, 60) == after(NOW, 360)


def test_restoring_command_waits_for_nothing_that_was_not_sent(env: CommandEnv) -> None:
    env.report(PARKED)
    env.register("disable_ignition")
    env.register("lock_door")

    assert env.register("cancel_alert").send_deadline == after(NOW, 120)


def test_restoring_command_waits_for_another_that_may_be_sent_first(env: CommandEnv) -> None:
    """Another pair's is not ahead of it for good, and it may hold the lane in its time."""
    env.register("enable_ignition")
    env.clock.advance(10)

    assert env.register("cancel_alert").send_deadline == after(NOW, 120 + 600 + 60)


def test_restoring_command_waits_out_the_latest_of_what_holds_the_lane(env: CommandEnv) -> None:
    env.report(PARKED)
    env.accept("start")
    env.clock.advance(10)
    env.intent(env.register("cancel_start"))

    assert env.register("cancel_alert").send_deadline == after(NOW, 10 + 300 + 60)


def test_restoring_command_is_not_held_by_what_it_supersedes(env: CommandEnv) -> None:
    env.report(PARKED)
    env.register("disable_ignition")

    assert env.register("enable_ignition").send_deadline == after(NOW, 120)


@pytest.mark.parametrize("finish", ["lost", "executed", "read"])
def test_nor_does_what_has_left_the_lane(env: CommandEnv, finish: str) -> None:
    if finish == "lost":
        env.lose("lock_door")
    elif finish == "executed":
        env.execute("lock_door")
    else:
        env.send("location")

    assert env.register("cancel_start").send_deadline == after(NOW, 120)


def test_the_connectors_own_waits_count(env: CommandEnv) -> None:
    env.behind(answer_wait={"lock_door": 1000.0, "enable_ignition": 2000.0}, send_wait={"enable_ignition": 130.0})
    env.send("lock_door")
    assert env.register("cancel_start").send_deadline == after(NOW, 1000 + 60)
    enabling = env.register("enable_ignition")
    assert enabling.send_deadline == after(NOW, 1000 + 60 + 300 + 60)

    assert env.register("cancel_alert").send_deadline == after(enabling.send_deadline or 0, 2000 + 60)


def test_deadline_of_a_waiting_command_is_fixed_when_it_becomes_queued(env: CommandEnv) -> None:
    restoring = env.register("cancel_start")
    env.respond(not_none(env.intent(restoring)), OutcomeKind.NOT_TAKEN, temporary=True)
    env.register("lock_door")

    assert env.row(restoring).send_deadline == after(NOW, 120)


def test_other_commands_do_not_wait_the_lane_out(env: CommandEnv) -> None:
    env.send("start")

    assert env.register("alert").send_deadline == after(NOW, 60)
