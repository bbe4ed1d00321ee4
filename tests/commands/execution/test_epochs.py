"""After a restore nobody knows what happened since the backup: nothing of an older epoch is ever sent."""

import pytest

from keyturn.commands.execution.restore_fence import fence_previous_epoch
from keyturn.commands.model.states import State
from keyturn.connectors.responses import OutcomeKind
from keyturn.fleet import immobilisation
from tests.commands.model.drafts import draft, written
from tests.support.command_env import PARKED, CommandEnv, not_none

UNKNOWN_TEXT = '"Outcome unknown. The vehicle may have executed the command."'


@pytest.mark.parametrize("sent", [False, True])
def test_what_was_queued_or_being_sent_is_unknown_and_past_its_answer_deadline(env: CommandEnv, sent: bool) -> None:
    command = env.send("start") if sent else env.register("start")

    env.do(fence_previous_epoch, 2)

    row = env.row(command)
    assert (row.state, row.status, row.detail) == (State.UNKNOWN, "Error", UNKNOWN_TEXT)
    assert (row.may_have_executed, row.answer_deadline) == (True, env.clock.now())
    assert env.told(row)[-2:] == ["command.Unknown", "command.revealed"]


def test_command_of_another_epoch_is_not_joined_and_holds_no_lane(env: CommandEnv) -> None:
    sent = env.send("start")
    env.do(fence_previous_epoch, 2)

    row = not_none(env.open_row(sent))
    assert (row.segment, row.lane_slot) == (None, None)
    assert env.register("start").id != sent.id


def test_a_held_post_is_answered_pending(env: CommandEnv) -> None:
    command = env.register("start")

    env.do(fence_previous_epoch, 2)

    assert env.row(command).post_code == 200


def test_a_late_answer_still_counts(env: CommandEnv) -> None:
    sent = env.send("start")
    env.do(fence_previous_epoch, 2)

    assert not_none(env.respond(sent, OutcomeKind.SUCCEEDED)).status == "Success"


def test_what_the_oem_has_is_asked_about_as_before(env: CommandEnv) -> None:
    accepted = env.accept("start")

    env.do(fence_previous_epoch, 2)

    assert env.row(accepted) == accepted


def test_codes_of_another_epoch_are_void(env: CommandEnv) -> None:
    confirming, code = env.first_step("enable_ignition")

    env.do(fence_previous_epoch, 2)

    assert env.row(confirming).state is State.CANCELLED
    assert env.refused("enable_ignition", code).detail == "Confirmation invalid"


def test_approvals_of_another_epoch_lapse(env: CommandEnv) -> None:
    waiting = env.do(written, draft(env.names, State.AWAITING_APPROVAL))

    env.do(fence_previous_epoch, 2)

    row = env.row(waiting)
    assert (row.state, row.status, row.detail) == (State.EXPIRED, "Error", '"Not approved."')


def test_a_disable_that_may_have_been_sent_since_may_have_immobilised(env: CommandEnv) -> None:
    env.report(PARKED)
    env.register("disable_ignition")

    env.do(fence_previous_epoch, 2)

    assert not_none(env.see(immobilisation.open_record, env.names.vehicle)).state == "possible"
    assert env.refused("start").http_status == 403


def test_what_this_epoch_registered_is_left_alone(env: CommandEnv) -> None:
    queued = env.register("start")

    env.do(fence_previous_epoch, 1)

    assert env.row(queued) == queued


def test_no_intent_is_written_for_what_another_epoch_registered(env: CommandEnv) -> None:
    queued = env.register("start")
    env.do(lambda tx: tx.run("UPDATE command SET epoch = 0"))

    assert env.intent(queued) is None
    assert env.row(queued).state is State.QUEUED
