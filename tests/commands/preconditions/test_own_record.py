"""Our own record of what our commands did: it can make a verdict met or unknown, never contradicted."""

import pytest

from keyturn.clock import after
from keyturn.commands.model.record import OpenCommand
from keyturn.commands.model.states import State
from keyturn.commands.preconditions.context import pending_names
from keyturn.fleet.evidence import ExpectedState
from tests.support.enrolment import NOW

from .cases import CONTRADICTED, MET, UNKNOWN, ago, case, finding, signal, verdict

RECORDS = [
    ("enable_ignition", 4, "ignition_disabled", ExpectedState(ignition_disabled=True), "disable_ignition"),
    ("cancel_start", 12, "remote_start_active", ExpectedState(remote_start_active=True), "start"),
    ("cancel_alert", 2, "remote_alert_active", ExpectedState(alert_active_until=after(NOW, 1)), "alert"),
]
IN_DOUBT = (State.AWAITING_APPROVAL, State.QUEUED, State.DISPATCHING, State.ACCEPTED, State.UNKNOWN)


@pytest.mark.parametrize(("command", "number", "name", "track", "_opposite"), RECORDS)
def test_own_record_answers_when_no_report_does(
    command: str, number: int, name: str, track: ExpectedState, _opposite: str
) -> None:
    assert verdict(command, number, track=track) is MET
    assert verdict(command, number, {name: signal(False, 300)}, track=track) is MET
    assert finding(case(command, track=track), number).why == "our own record"


@pytest.mark.parametrize(("command", "number", "name", "track", "_opposite"), RECORDS)
def test_a_newer_report_goes_before_it(
    command: str, number: int, name: str, track: ExpectedState, _opposite: str
) -> None:
    assert verdict(command, number, {name: signal(False, 1)}, track=track) is CONTRADICTED


@pytest.mark.parametrize(("command", "number", "name", "_track", "_opposite"), RECORDS)
def test_silence_of_the_own_record_contradicts_nothing(
    command: str, number: int, name: str, _track: ExpectedState, _opposite: str
) -> None:
    assert verdict(command, number, track=ExpectedState()) is UNKNOWN


def test_an_alert_that_has_sounded_out_is_not_active() -> None:
    assert verdict("cancel_alert", 2, track=ExpectedState(alert_active_until=NOW)) is UNKNOWN


@pytest.mark.parametrize(("command", "number", "name", "track", "opposite"), RECORDS)
@pytest.mark.parametrize("value", [True, False])
def test_while_the_opposite_is_on_its_way_neither_report_nor_record_says_anything(
    command: str, number: int, name: str, track: ExpectedState, opposite: str, value: bool
) -> None:
    judged = case(command, {name: value}, track=track, pending=(opposite,))

    assert finding(judged, number).verdict is UNKNOWN
    assert finding(judged, number).settled


@pytest.mark.parametrize(("command", "number", "name", "_track", "_opposite"), RECORDS)
def test_restoring_command_that_superseded_a_pending_one_finds_it_pending_too(
    command: str, number: int, name: str, _track: ExpectedState, _opposite: str
) -> None:
    assert verdict(command, number, {name: False}, superseded_opposite=True) is UNKNOWN


def test_unrelated_pending_command_leaves_the_verdict_alone() -> None:
    values = {"remote_start_active": False}

    assert verdict("cancel_start", 12, values, pending=("alert", "disable_ignition", "lock_door")) is CONTRADICTED
    assert verdict("enable_ignition", 3, {"speed": 40}, pending=("disable_ignition",)) is CONTRADICTED


def _open(command_id: str, state: State) -> OpenCommand:
    return OpenCommand(command_id, "v", "start", state, lane_number=1, segment=0, lane_slot=None, wake_at=NOW)


@pytest.mark.parametrize("state", list(State))
def test_a_command_is_on_its_way_from_its_registration_until_its_outcome_is_clear(state: State) -> None:
    names = pending_names([_open("other", state)], "own")

    assert names == (frozenset({"start"}) if state in IN_DOUBT else frozenset())


def test_a_command_is_not_its_own_obstacle() -> None:
    assert pending_names([_open("own", State.QUEUED)], "own") == frozenset()


def test_own_record_counts_our_starts_until_a_newer_report_does() -> None:
    twice = ExpectedState(consecutive_starts=2, started_at=ago(10))

    assert verdict("start", 11, track=twice) is CONTRADICTED
    assert verdict("start", 11, track=ExpectedState(consecutive_starts=1, started_at=ago(10))) is MET
    assert verdict("start", 11, {"consecutive_remote_starts": signal(0, 10)}, track=twice) is CONTRADICTED
    assert verdict("start", 11, {"consecutive_remote_starts": signal(0, 9)}, track=twice) is MET


def test_the_count_that_decided_is_kept_with_the_verdict() -> None:
    decided = finding(case("start", track=ExpectedState(consecutive_starts=2, started_at=ago(10))), 11)

    assert 2 in [sight.value for sight in decided.signals.values()]


def test_a_report_s_count_refuses_without_a_start_of_ours() -> None:
    assert verdict("start", 11, {"consecutive_remote_starts": 2}) is CONTRADICTED


@pytest.mark.parametrize("age", [120.1, -30.1])
def test_a_report_s_count_that_may_not_be_relied_upon_is_unknown(age: float) -> None:
    assert verdict("start", 11, {"consecutive_remote_starts": signal(1, age)}) is UNKNOWN
