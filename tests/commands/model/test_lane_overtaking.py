"""Which commands go ahead of others in a lane, and which they never hold up."""

import msgspec
import pytest

from keyturn.clock import after
from keyturn.commands.model.record import Command
from keyturn.commands.model.states import State
from keyturn.connectors.port import Quota
from keyturn.connectors.responses import OutcomeKind
from tests.support.command_env import CommandEnv, not_none
from tests.support.enrolment import NOW

from .drafts import place


def test_a_cancel_overtakes_and_both_are_with_the_oem(env: CommandEnv) -> None:
    env.accept("start")
    locked = env.register("lock_door")
    cancel = env.register("cancel_start")

    assert env.intent(locked) is None
    sent = not_none(env.intent(cancel))

    assert not_none(env.open_row(sent)).lane_slot == 1
    assert env.intent(locked) is None


def held_back(env: CommandEnv, command: str) -> Command:
    """Its sending was not taken, and it is tried again in a minute."""
    sent = env.send(command)
    return not_none(env.respond(sent, OutcomeKind.NOT_TAKEN, temporary=True, retry_after=50))


@pytest.mark.parametrize("restoring", ["enable_ignition", "cancel_start", "cancel_alert"])
@pytest.mark.parametrize("waits", ["for its turn", "for its next try", "for a quota"])
def test_a_restoring_command_goes_ahead_of_what_is_queued(env: CommandEnv, restoring: str, waits: str) -> None:
    """Nothing that was not sent keeps a vehicle immobilised, however long it may still wait."""
    if waits == "for its next try":
        earlier = held_back(env, "lock_door")
    elif waits == "for a quota":
        env.behind(quota=Quota(per_vehicle=((60.0, 2),), reserve=2), send_wait={"lock_door": 90.0})
        earlier = env.register("lock_door")
        assert env.intent(earlier) is None
        assert env.row(earlier).cause == "quota"
    else:
        earlier = env.register("lock_door")
    restores = env.register(restoring)

    assert env.intent(earlier) is None
    assert not_none(env.intent(restores)).state is State.DISPATCHING
    assert env.row(earlier).state is State.QUEUED


def test_enabling_goes_ahead_of_other_restoring_commands(env: CommandEnv) -> None:
    cancel = env.register("cancel_start")
    enabling = env.register("enable_ignition")

    assert env.intent(cancel) is None
    assert not_none(env.intent(enabling)).state is State.DISPATCHING


def test_a_restoring_command_in_back_off_holds_up_none_of_another_pair(env: CommandEnv) -> None:
    enabling = held_back(env, "enable_ignition")
    locked, cancel = env.register("lock_door"), env.register("cancel_start")

    assert env.intent(locked) is None
    assert not_none(env.intent(cancel)).state is State.DISPATCHING
    not_none(env.respond(env.row(cancel), OutcomeKind.SUCCEEDED))
    assert env.intent(locked) is None

    env.clock.advance(50)
    assert not_none(env.intent(enabling)).state is State.DISPATCHING


def test_restoring_commands_of_one_pair_keep_their_order(env: CommandEnv) -> None:
    first = held_back(env, "cancel_start")
    between = env.register("start")
    second = env.register("cancel_start")
    assert env.row(between).state is State.CANCELLED
    assert place(first) < place(between) < place(second)

    assert env.intent(second) is None
    env.clock.advance(50)
    assert env.intent(second) is None
    assert not_none(env.intent(first)).state is State.DISPATCHING


def test_what_the_next_try_waits_for_is_in_the_timeline(env: CommandEnv) -> None:
    bounced = held_back(env, "enable_ignition")

    rows = env.rows("SELECT body FROM entry WHERE command_id = :id ORDER BY seq DESC LIMIT 1", id=bounced.id)
    assert msgspec.json.decode(rows[0][0])["not_before"] == bounced.not_before == after(NOW, 50)
