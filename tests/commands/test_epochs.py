"""After a restore nobody knows what happened since the backup: nothing of an older epoch is ever sent."""

import pytest

from keyturn.commands.epochs import leave_behind
from keyturn.commands.states import State
from keyturn.connectors.port import Verdict
from keyturn.fleet import immobilisation

from .drafts import draft, written
from .yard import PARKED, Yard, sure

UNKNOWN_TEXT = '"Outcome unknown. The vehicle may have executed the command."'


@pytest.mark.parametrize("sent", [False, True])
def test_what_was_queued_or_being_sent_is_unknown_and_past_its_answer_deadline(yard: Yard, sent: bool) -> None:
    command = yard.send("start") if sent else yard.register("start")

    yard.do(leave_behind, 2)

    row = yard.row(command)
    assert (row.state, row.status, row.detail) == (State.UNKNOWN, "Error", UNKNOWN_TEXT)
    assert (row.may_have_executed, row.answer_deadline) == (True, yard.clock.now())
    assert yard.told(row)[-2:] == ["command.Unknown", "command.revealed"]


def test_nobody_joins_it_and_it_holds_no_lane(yard: Yard) -> None:
    sent = yard.send("start")
    yard.do(leave_behind, 2)

    row = sure(yard.open_row(sent))
    assert (row.segment, row.lane_slot) == (None, None)
    assert yard.register("start").id != sent.id


def test_a_held_post_is_answered_pending(yard: Yard) -> None:
    command = yard.register("start")

    yard.do(leave_behind, 2)

    assert yard.row(command).post_code == 200


def test_a_late_answer_still_counts(yard: Yard) -> None:
    sent = yard.send("start")
    yard.do(leave_behind, 2)

    assert sure(yard.hear(sent, Verdict.SUCCEEDED)).status == "Success"


def test_what_the_oem_has_is_asked_about_as_before(yard: Yard) -> None:
    accepted = yard.accept("start")

    yard.do(leave_behind, 2)

    assert yard.row(accepted) == accepted


def test_codes_are_void(yard: Yard) -> None:
    confirming, code = yard.first_step("enable_ignition")

    yard.do(leave_behind, 2)

    assert yard.row(confirming).state is State.CANCELLED
    assert yard.refused("enable_ignition", code).detail == "Confirmation invalid"


def test_approvals_lapse(yard: Yard) -> None:
    waiting = yard.do(written, draft(yard.names, State.AWAITING_APPROVAL))

    yard.do(leave_behind, 2)

    row = yard.row(waiting)
    assert (row.state, row.status, row.detail) == (State.EXPIRED, "Error", '"Not approved."')


def test_a_disable_that_may_have_been_sent_since_may_have_immobilised(yard: Yard) -> None:
    yard.report(PARKED)
    yard.register("disable_ignition")

    yard.do(leave_behind, 2)

    assert sure(yard.see(immobilisation.open_record, yard.names.vehicle)).state == "possible"
    assert yard.refused("start").http_status == 403


def test_what_this_epoch_registered_is_left_alone(yard: Yard) -> None:
    queued = yard.register("start")

    yard.do(leave_behind, 1)

    assert yard.row(queued) == queued


def test_no_intent_is_written_for_what_another_epoch_registered(yard: Yard) -> None:
    queued = yard.register("start")
    yard.do(lambda tx: tx.run("UPDATE command SET epoch = 0"))

    assert yard.intent(queued) is None
    assert yard.row(queued).state is State.QUEUED
