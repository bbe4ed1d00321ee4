"""OEM quotas: what would exceed them waits or fails, and restoring commands have the reserve."""

import pytest

from keyturn.clock import after
from keyturn.commands.admission.service import end_of_wait
from keyturn.commands.model.states import State
from keyturn.commands.rules import quota
from keyturn.connectors.port import Quota
from keyturn.connectors.responses import OutcomeKind
from keyturn.store.port import Tx
from tests.support.command_env import CommandEnv, not_none
from tests.support.enrolment import NOW

THREE_A_MINUTE = Quota(per_vehicle=((60, 3),), reserve=1)
NOT_SENT = "Failed to send command to the OEM."


def use(env: CommandEnv, times: int, vehicle: str | None = None, account: str = "account") -> None:
    def count(tx: Tx) -> None:
        for _ in range(times):
            quota.count(tx, THREE_A_MINUTE, account, vehicle or env.names.vehicle)

    env.do(count)


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
def test_quota_tells_when_another_call_may_be_made(
    env: CommandEnv, limits: Quota | None, used: int, frees: float | None
) -> None:
    use(env, used)

    expected = None if frees is None else after(NOW, frees)
    assert env.see(quota.frees_at, limits, "account", env.names.vehicle) == expected


def test_quota_window_slides(env: CommandEnv) -> None:
    for _ in range(3):
        use(env, 1)
        env.clock.advance(10)

    limits = Quota(per_vehicle=((60, 3),))
    assert env.see(quota.frees_at, limits, "account", env.names.vehicle) == after(NOW, 60)
    env.clock.advance(30)
    assert env.see(quota.frees_at, limits, "account", env.names.vehicle) is None


def test_vehicles_and_accounts_have_their_own(env: CommandEnv) -> None:
    use(env, 9, "another vehicle", "another account")

    limits = Quota(per_vehicle=((60, 3),), per_account=((60, 3),))
    assert env.see(quota.frees_at, limits, "account", env.names.vehicle) is None


def test_quota_counts_nothing_where_there_is_none(env: CommandEnv) -> None:
    env.execute("start")

    assert env.rows("SELECT count(*) FROM oem_call") == [(0,)]


def test_a_command_counts_when_its_intent_is_written(env: CommandEnv) -> None:
    env.behind(quota=THREE_A_MINUTE)
    env.register("start")
    assert env.rows("SELECT count(*) FROM oem_call") == [(0,)]

    env.execute("location")

    assert env.rows("SELECT count(*) FROM oem_call") == [(1,)]


def test_quota_that_frees_in_time_is_waited_for(env: CommandEnv) -> None:
    env.behind(quota=THREE_A_MINUTE)
    use(env, 2)
    env.clock.advance(30)
    queued = env.register("start")

    assert env.intent(queued) is None
    held = env.row(queued)
    assert (held.state, held.not_before, held.cause) == (State.QUEUED, after(NOW, 60), "quota")
    assert env.told(held)[-1] == "command.held_back"
    env.clock.advance(30)

    sent = not_none(env.intent(held))
    assert (sent.state, sent.cause) == (State.DISPATCHING, None)


@pytest.mark.parametrize(("passed", "answered"), [(30, 200), (54.9, 200), (55.1, None)])
def test_a_post_that_would_not_see_it_free_is_pending_at_once(
    env: CommandEnv, passed: float, answered: int | None
) -> None:
    env.behind(quota=THREE_A_MINUTE)
    use(env, 2)
    env.clock.advance(passed)
    queued = env.register("start")
    env.intent(queued)

    assert (env.row(queued).state, env.row(queued).post_code) == (State.QUEUED, answered)


def test_a_post_that_stops_waiting_for_it_is_pending_and_it_is_sent_then(env: CommandEnv) -> None:
    env.behind(quota=THREE_A_MINUTE)
    use(env, 2)
    env.clock.advance(56)
    queued = env.register("start")
    env.intent(queued)

    pending = not_none(env.do(end_of_wait, queued.id))

    assert (pending.state, pending.post_code, pending.cause) == (State.QUEUED, 200, "quota")
    env.clock.advance(4)
    assert not_none(env.intent(pending)).state is State.DISPATCHING


def test_what_a_quota_held_until_its_deadline_was_never_tried(env: CommandEnv) -> None:
    env.behind(quota=THREE_A_MINUTE)
    use(env, 2)
    env.clock.advance(30)
    queued = env.register("start")
    env.intent(queued)
    env.clock.advance(60)

    expired = not_none(env.lapse(queued))

    assert (expired.state, expired.detail, expired.cause) == (State.EXPIRED, '"Not sent in time."', "quota")


def test_quota_that_frees_only_after_the_send_deadline_fails_at_once(env: CommandEnv) -> None:
    env.behind(quota=THREE_A_MINUTE)
    use(env, 2)
    queued = env.register("start")

    assert env.intent(queued) is None

    failed = env.row(queued)
    assert (failed.state, failed.detail, failed.cause) == (State.FAILED, f'"{NOT_SENT}"', "quota")
    assert (failed.post_code, failed.post_detail, failed.may_have_executed) == (502, NOT_SENT, False)


@pytest.mark.parametrize("used", [2, 3, 9])
def test_a_restoring_command_is_counted_and_never_held_back(env: CommandEnv, used: int) -> None:
    env.behind(quota=THREE_A_MINUTE)
    use(env, used)

    assert env.send("cancel_start").state is State.DISPATCHING
    assert env.rows("SELECT count(*) FROM oem_call") == [(used + 1,)]


def test_a_try_that_was_not_taken_counts_again(env: CommandEnv) -> None:
    env.behind(quota=Quota(per_vehicle=((60, 9),)))
    waiting = not_none(env.respond(env.send("start"), OutcomeKind.NOT_TAKEN, temporary=True))
    env.clock.advance(1)
    env.intent(waiting)

    assert env.rows("SELECT count(*) FROM oem_call") == [(2,)]
