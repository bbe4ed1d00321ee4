"""Places in the lane are taken with Queued; opposites supersede; deadlines of restoring commands wait the lane out."""

import msgspec
import pytest

from keyturn.clock import after
from keyturn.commands.record import Command
from keyturn.commands.states import State
from keyturn.connectors.port import Quota, Verdict

from .drafts import draft, written
from .installation import NOW
from .yard import PARKED, Yard, sure

SUPERSEDING = [("cancel_start", "start"), ("cancel_alert", "alert"), ("enable_ignition", "disable_ignition")]
DOORS = [("lock_door", "unlock_door"), ("unlock_door", "lock_door")]


def test_places_are_taken_in_the_order_of_becoming_queued(yard: Yard) -> None:
    _, code = yard.first_step("enable_ignition")
    first = yard.register("start")
    read = yard.register("location")
    second = sure(yard.ask("enable_ignition", code).waiting)

    assert (first.lane_number, second.lane_number, read.lane_number) == (1, 2, None)


def test_a_refused_command_takes_no_place(yard: Yard) -> None:
    yard.report({"speed": 40})
    refused = yard.register("start")
    yard.report(PARKED)

    assert refused.lane_number is None
    assert yard.register("start").lane_number == 1


def test_lanes_of_other_vehicles_are_their_own(yard: Yard) -> None:
    yard.register("start")
    yard.do(lambda tx: tx.run("INSERT INTO lane (vehicle_id, next_number) VALUES ('another', 7)"))

    assert yard.register("lock_door").lane_number == 2


@pytest.mark.parametrize(("restoring", "opposite"), SUPERSEDING)
def test_a_restoring_command_cancels_its_queued_opposite(yard: Yard, restoring: str, opposite: str) -> None:
    yard.report(PARKED)
    waiting = yard.register(opposite)

    command = yard.register(restoring)

    superseded = yard.row(waiting)
    assert (superseded.state, superseded.detail) == (State.CANCELLED, f'"Superseded by command {command.id}."')
    assert (superseded.post_code, command.supersedes) == (200, waiting.id)
    assert yard.open_row(waiting) is None


def test_it_cancels_an_opposite_that_waits_for_an_approval(yard: Yard) -> None:
    waiting = yard.do(written, draft(yard.names, State.AWAITING_APPROVAL, "disable_ignition", lane_number=None))

    command = yard.register("enable_ignition")

    assert (yard.row(waiting).state, command.supersedes) == (State.CANCELLED, waiting.id)


def test_the_first_step_of_enable_cancels_nothing_yet(yard: Yard) -> None:
    yard.report(PARKED)
    waiting = yard.register("disable_ignition")

    yard.first_step("enable_ignition")

    assert yard.row(waiting).state is State.QUEUED


def test_it_stands_whatever_becomes_of_the_restoring_command(yard: Yard) -> None:
    yard.report(PARKED)
    waiting = yard.register("disable_ignition")
    yard.clock.advance(1)
    yard.report({"speed": 40})

    refused = yard.register("enable_ignition")

    assert (refused.state, yard.row(waiting).state) == (State.REFUSED, State.CANCELLED)
    assert refused.supersedes == waiting.id


def test_it_is_not_refused_by_what_it_superseded(yard: Yard) -> None:
    """The vehicle says that no remote start is active; the one that was Queued may have been meant."""
    yard.report({"remote_start_active": False})
    yard.register("start")

    queued = yard.register("cancel_start")

    assert queued.state is State.QUEUED
    assert sure(yard.intent(queued)).state is State.DISPATCHING


@pytest.mark.parametrize(("newer", "older"), DOORS)
def test_doors_supersede_each_other(yard: Yard, newer: str, older: str) -> None:
    waiting = yard.register(older)

    command = yard.register(newer)

    assert yard.row(waiting).state is State.CANCELLED
    assert command.supersedes == waiting.id


@pytest.mark.parametrize(("newer", "older"), DOORS)
def test_a_door_command_that_is_refused_supersedes_nothing(yard: Yard, newer: str, older: str) -> None:
    waiting = yard.register(older)
    yard.report({"speed": 40})

    refused = yard.register(newer)

    assert (refused.state, refused.supersedes) == (State.REFUSED, None)
    assert yard.row(waiting).state is State.QUEUED


@pytest.mark.parametrize(("newer", "older"), [*DOORS, *SUPERSEDING])
def test_what_was_sent_is_not_superseded(yard: Yard, newer: str, older: str) -> None:
    yard.report(PARKED)
    sent = yard.send(older)

    command = yard.register(newer)

    assert (yard.row(sent).state, command.supersedes) == (State.DISPATCHING, None)


@pytest.mark.parametrize(("later", "earlier"), [("start", "cancel_start"), ("alert", "cancel_alert")])
def test_nothing_supersedes_a_restoring_command(yard: Yard, later: str, earlier: str) -> None:
    waiting = yard.register(earlier)

    behind = yard.register(later)

    assert yard.row(waiting).state is State.QUEUED
    assert (behind.lane_number, behind.supersedes) == (2, None)


def test_disable_queues_behind_enable(yard: Yard) -> None:
    yard.report(PARKED)
    waiting = yard.register("enable_ignition")

    assert yard.register("disable_ignition").lane_number == 2
    assert yard.row(waiting).state is State.QUEUED


def test_a_restoring_command_waits_two_minutes_at_least(yard: Yard) -> None:
    assert yard.register("cancel_alert").send_deadline == after(NOW, 120)


def test_it_waits_out_what_was_sent_and_a_minute_more(yard: Yard) -> None:
    sent = yard.send("start")
    yard.clock.advance(10)

    assert yard.register("cancel_alert").send_deadline == after(sent.answer_deadline or 0, 60) == after(NOW, 360)


def test_it_waits_for_nothing_that_was_not_sent(yard: Yard) -> None:
    yard.report(PARKED)
    yard.register("disable_ignition")
    yard.register("lock_door")

    assert yard.register("cancel_alert").send_deadline == after(NOW, 120)


def test_but_for_what_restores_too_and_may_be_sent_first(yard: Yard) -> None:
    """Another pair's is not ahead of it for good, and it may hold the lane in its time."""
    yard.register("enable_ignition")
    yard.clock.advance(10)

    assert yard.register("cancel_alert").send_deadline == after(NOW, 120 + 600 + 60)


def test_it_waits_out_the_latest_of_what_holds_the_lane(yard: Yard) -> None:
    yard.report(PARKED)
    yard.accept("start")
    yard.clock.advance(10)
    yard.intent(yard.register("cancel_start"))

    assert yard.register("cancel_alert").send_deadline == after(NOW, 10 + 300 + 60)


def test_what_it_supersedes_does_not_hold_it(yard: Yard) -> None:
    yard.report(PARKED)
    yard.register("disable_ignition")

    assert yard.register("enable_ignition").send_deadline == after(NOW, 120)


@pytest.mark.parametrize("finish", ["lost", "executed", "read"])
def test_nor_does_what_has_left_the_lane(yard: Yard, finish: str) -> None:
    if finish == "lost":
        yard.lose("lock_door")
    elif finish == "executed":
        yard.execute("lock_door")
    else:
        yard.send("location")

    assert yard.register("cancel_start").send_deadline == after(NOW, 120)


def test_the_connectors_own_waits_count(yard: Yard) -> None:
    yard.behind(answer_wait={"lock_door": 1000.0, "enable_ignition": 2000.0}, send_wait={"enable_ignition": 130.0})
    yard.send("lock_door")
    assert yard.register("cancel_start").send_deadline == after(NOW, 1000 + 60)
    enabling = yard.register("enable_ignition")
    assert enabling.send_deadline == after(NOW, 1000 + 60 + 300 + 60)

    assert yard.register("cancel_alert").send_deadline == after(enabling.send_deadline or 0, 2000 + 60)


def test_its_deadline_is_fixed_when_it_becomes_queued(yard: Yard) -> None:
    restoring = yard.register("cancel_start")
    yard.hear(sure(yard.intent(restoring)), Verdict.NOT_TAKEN, temporary=True)
    yard.register("lock_door")

    assert yard.row(restoring).send_deadline == after(NOW, 120)


def test_other_commands_do_not_wait_the_lane_out(yard: Yard) -> None:
    yard.send("start")

    assert yard.register("alert").send_deadline == after(NOW, 60)


def test_a_cancel_overtakes_and_both_are_with_the_oem(yard: Yard) -> None:
    yard.accept("start")
    locked = yard.register("lock_door")
    cancel = yard.register("cancel_start")

    assert yard.intent(locked) is None
    sent = sure(yard.intent(cancel))

    assert sure(yard.open_row(sent)).lane_slot == 1
    assert yard.intent(locked) is None


def held_back(yard: Yard, command: str) -> Command:
    """Its sending was not taken, and it is tried again in a minute."""
    sent = yard.send(command)
    return sure(yard.hear(sent, Verdict.NOT_TAKEN, temporary=True, retry_after=50))


@pytest.mark.parametrize("restoring", ["enable_ignition", "cancel_start", "cancel_alert"])
@pytest.mark.parametrize("waits", ["for its turn", "for its next try", "for a quota"])
def test_a_restoring_command_goes_ahead_of_what_is_queued(yard: Yard, restoring: str, waits: str) -> None:
    """Nothing that was not sent keeps a vehicle immobilised, however long it may still wait."""
    if waits == "for its next try":
        earlier = held_back(yard, "lock_door")
    elif waits == "for a quota":
        yard.behind(quota=Quota(per_vehicle=((60.0, 2),), reserve=2), send_wait={"lock_door": 90.0})
        earlier = yard.register("lock_door")
        assert yard.intent(earlier) is None
        assert yard.row(earlier).cause == "quota"
    else:
        earlier = yard.register("lock_door")
    restores = yard.register(restoring)

    assert yard.intent(earlier) is None
    assert sure(yard.intent(restores)).state is State.DISPATCHING
    assert yard.row(earlier).state is State.QUEUED


def test_enabling_goes_ahead_of_other_restoring_commands(yard: Yard) -> None:
    cancel = yard.register("cancel_start")
    enabling = yard.register("enable_ignition")

    assert yard.intent(cancel) is None
    assert sure(yard.intent(enabling)).state is State.DISPATCHING


def test_a_restoring_command_in_back_off_holds_up_none_of_another_pair(yard: Yard) -> None:
    enabling = held_back(yard, "enable_ignition")
    locked, cancel = yard.register("lock_door"), yard.register("cancel_start")

    assert yard.intent(locked) is None
    assert sure(yard.intent(cancel)).state is State.DISPATCHING
    sure(yard.hear(yard.row(cancel), Verdict.SUCCEEDED))
    assert yard.intent(locked) is None

    yard.clock.advance(50)
    assert sure(yard.intent(enabling)).state is State.DISPATCHING


def test_restoring_commands_of_one_pair_keep_their_order(yard: Yard) -> None:
    first = held_back(yard, "cancel_start")
    between = yard.register("start")
    second = yard.register("cancel_start")
    assert (yard.row(between).state, second.lane_number) == (State.CANCELLED, 3)

    assert yard.intent(second) is None
    yard.clock.advance(50)
    assert yard.intent(second) is None
    assert sure(yard.intent(first)).state is State.DISPATCHING


def test_what_the_next_try_waits_for_is_in_the_timeline(yard: Yard) -> None:
    bounced = held_back(yard, "enable_ignition")

    rows = yard.rows("SELECT body FROM entry WHERE command_id = :id ORDER BY seq DESC LIMIT 1", id=bounced.id)
    assert msgspec.json.decode(rows[0][0])["not_before"] == bounced.not_before == after(NOW, 50)
