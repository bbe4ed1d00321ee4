"""OEM quotas: what would exceed them waits or fails, and restoring commands have the reserve."""

import pytest

from keyturn.clock import after
from keyturn.commands import quota
from keyturn.commands.desk import end_of_wait
from keyturn.commands.states import State
from keyturn.connectors.port import Quota, Verdict
from keyturn.store.port import Tx

from .installation import NOW
from .yard import Yard, sure

THREE_A_MINUTE = Quota(per_vehicle=((60, 3),), reserve=1)
NOT_SENT = "Failed to send command to the OEM."


def use(yard: Yard, times: int, vehicle: str | None = None, account: str = "account") -> None:
    def count(tx: Tx) -> None:
        for _ in range(times):
            quota.count(tx, THREE_A_MINUTE, account, vehicle or yard.names.vehicle)

    yard.do(count)


@pytest.mark.parametrize(
    ("limits", "used", "frees"),
    [
        (None, 9, None),
        (Quota(), 9, None),
        (Quota(per_vehicle=((60, 3),)), 2, None),
        (Quota(per_vehicle=((60, 3),)), 3, 60),
        (THREE_A_MINUTE, 1, None),
        (THREE_A_MINUTE, 2, 60),
        (Quota(per_account=((60, 3),)), 3, 60),
        (Quota(per_vehicle=((60, 3), (3600, 3))), 3, 3600),
        (Quota(per_vehicle=((60, 3),), per_account=((3600, 9),)), 3, 60),
        (Quota(per_vehicle=((60, 1),), reserve=1), 0, 60),
    ],
)
def test_when_another_call_may_be_made(yard: Yard, limits: Quota | None, used: int, frees: float | None) -> None:
    use(yard, used)

    expected = None if frees is None else after(NOW, frees)
    assert yard.see(quota.frees_at, limits, "account", yard.names.vehicle) == expected


def test_the_window_slides(yard: Yard) -> None:
    for _ in range(3):
        use(yard, 1)
        yard.clock.advance(10)

    limits = Quota(per_vehicle=((60, 3),))
    assert yard.see(quota.frees_at, limits, "account", yard.names.vehicle) == after(NOW, 60)
    yard.clock.advance(30)
    assert yard.see(quota.frees_at, limits, "account", yard.names.vehicle) is None


def test_vehicles_and_accounts_have_their_own(yard: Yard) -> None:
    use(yard, 9, "another vehicle", "another account")

    limits = Quota(per_vehicle=((60, 3),), per_account=((60, 3),))
    assert yard.see(quota.frees_at, limits, "account", yard.names.vehicle) is None


def test_nothing_is_counted_where_there_is_no_quota(yard: Yard) -> None:
    yard.execute("start")

    assert yard.rows("SELECT count(*) FROM oem_call") == [(0,)]


def test_a_command_counts_when_its_intent_is_written(yard: Yard) -> None:
    yard.behind(quota=THREE_A_MINUTE)
    yard.register("start")
    assert yard.rows("SELECT count(*) FROM oem_call") == [(0,)]

    yard.execute("location")

    assert yard.rows("SELECT count(*) FROM oem_call") == [(1,)]


def test_what_frees_in_time_is_waited_for(yard: Yard) -> None:
    yard.behind(quota=THREE_A_MINUTE)
    use(yard, 2)
    yard.clock.advance(30)
    queued = yard.register("start")

    assert yard.intent(queued) is None
    held = yard.row(queued)
    assert (held.state, held.not_before, held.cause) == (State.QUEUED, after(NOW, 60), "quota")
    assert yard.told(held)[-1] == "command.held_back"
    yard.clock.advance(30)

    sent = sure(yard.intent(held))
    assert (sent.state, sent.cause) == (State.DISPATCHING, None)


@pytest.mark.parametrize(("passed", "answered"), [(30, 200), (54.9, 200), (55.1, None)])
def test_a_post_that_would_not_see_it_free_is_pending_at_once(yard: Yard, passed: float, answered: int | None) -> None:
    yard.behind(quota=THREE_A_MINUTE)
    use(yard, 2)
    yard.clock.advance(passed)
    queued = yard.register("start")
    yard.intent(queued)

    assert (yard.row(queued).state, yard.row(queued).post_code) == (State.QUEUED, answered)


def test_a_post_that_stops_waiting_for_it_is_pending_and_it_is_sent_then(yard: Yard) -> None:
    yard.behind(quota=THREE_A_MINUTE)
    use(yard, 2)
    yard.clock.advance(56)
    queued = yard.register("start")
    yard.intent(queued)

    pending = sure(yard.do(end_of_wait, queued.id))

    assert (pending.state, pending.post_code, pending.cause) == (State.QUEUED, 200, "quota")
    yard.clock.advance(4)
    assert sure(yard.intent(pending)).state is State.DISPATCHING


def test_what_a_quota_held_until_its_deadline_was_never_tried(yard: Yard) -> None:
    yard.behind(quota=THREE_A_MINUTE)
    use(yard, 2)
    yard.clock.advance(30)
    queued = yard.register("start")
    yard.intent(queued)
    yard.clock.advance(60)

    expired = sure(yard.lapse(queued))

    assert (expired.state, expired.detail, expired.cause) == (State.EXPIRED, '"Not sent in time."', "quota")


def test_what_frees_only_after_the_send_deadline_fails_at_once(yard: Yard) -> None:
    yard.behind(quota=THREE_A_MINUTE)
    use(yard, 2)
    queued = yard.register("start")

    assert yard.intent(queued) is None

    failed = yard.row(queued)
    assert (failed.state, failed.detail, failed.cause) == (State.FAILED, f'"{NOT_SENT}"', "quota")
    assert (failed.post_code, failed.post_detail, failed.may_have_executed) == (502, NOT_SENT, False)


@pytest.mark.parametrize("used", [2, 3, 9])
def test_a_restoring_command_is_counted_and_never_held_back(yard: Yard, used: int) -> None:
    yard.behind(quota=THREE_A_MINUTE)
    use(yard, used)

    assert yard.send("cancel_start").state is State.DISPATCHING
    assert yard.rows("SELECT count(*) FROM oem_call") == [(used + 1,)]


def test_a_try_that_was_not_taken_counts_again(yard: Yard) -> None:
    yard.behind(quota=Quota(per_vehicle=((60, 9),)))
    waiting = sure(yard.hear(yard.send("start"), Verdict.NOT_TAKEN, temporary=True))
    yard.clock.advance(1)
    yard.intent(waiting)

    assert yard.rows("SELECT count(*) FROM oem_call") == [(2,)]
