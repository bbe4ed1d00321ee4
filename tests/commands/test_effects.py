"""What sending and executing leave in our own record of the vehicle."""

import pytest

from keyturn.clock import after
from keyturn.commands.catalogue import CATALOGUE, COMMANDS
from keyturn.connectors.port import Verdict
from keyturn.fleet.evidence import Track

from .installation import NOW
from .yard import PARKED, Yard, sure

CHANGING = [spec.name for spec in CATALOGUE if spec.changes]


def track(yard: Yard) -> Track:
    return yard.evidence().track


def changed(yard: Yard, command: str) -> set[int]:
    return {track(yard).changed_at[name] for name in COMMANDS[command].changes}


@pytest.fixture(autouse=True)
def reachable(yard: Yard) -> None:
    yard.report(PARKED)


@pytest.mark.parametrize("command", CHANGING)
def test_what_a_command_can_change_is_dated_by_its_sending_and_then_by_its_completion(yard: Yard, command: str) -> None:
    sent = yard.send(command)
    assert changed(yard, command) == {NOW}
    yard.clock.advance(5)

    yard.hear(sent, Verdict.SUCCEEDED, completed_at=after(NOW, 3))

    assert changed(yard, command) == {after(NOW, 3)}
    assert set(track(yard).changed_at) == set(COMMANDS[command].changes)


@pytest.mark.parametrize(
    ("said", "kept"),
    [(None, 5), (3.0, 3), (-60.0, 0), (60.0, 5)],
    ids=["the OEM does not say", "as the OEM says", "not before the sending", "not in our future"],
)
def test_when_the_vehicle_did_it(yard: Yard, said: float | None, kept: float) -> None:
    sent = yard.send("start")
    yard.clock.advance(5)

    done = sure(yard.hear(sent, Verdict.SUCCEEDED, completed_at=None if said is None else after(NOW, said)))

    assert done.completed_at == after(NOW, kept)
    assert track(yard).started_at == after(NOW, kept)


@pytest.mark.parametrize("command", [spec.name for spec in CATALOGUE])
def test_the_last_actuating_command_is_remembered_and_no_other(yard: Yard, command: str) -> None:
    yard.clock.advance(1)

    yard.send(command)

    assert track(yard).actuated_at == (yard.clock.now() if COMMANDS[command].kind == "actuating" else 0)


def test_reads_leave_nothing(yard: Yard) -> None:
    yard.execute("location")

    assert track(yard) == Track()


def test_ignition(yard: Yard) -> None:
    yard.execute("disable_ignition")
    assert track(yard).ignition_disabled
    yard.clock.advance(1)

    yard.execute("enable_ignition")

    assert not track(yard).ignition_disabled
    assert track(yard).enabled_at == yard.clock.now()


def test_start(yard: Yard) -> None:
    yard.execute("start")
    assert track(yard).remote_start_active

    yard.execute("cancel_start")

    assert not track(yard).remote_start_active
    assert track(yard).consecutive_starts == 1


def test_an_alert_sounds_for_30_seconds(yard: Yard) -> None:
    yard.execute("alert")
    assert track(yard).alert_active_until == after(NOW, 30)

    yard.execute("cancel_alert")

    assert track(yard).alert_active_until == 0


@pytest.mark.parametrize("verdict", [Verdict.FAILED, Verdict.REFUSED, Verdict.NOT_TAKEN, Verdict.UNCLEAR])
def test_what_is_not_known_to_be_done_leaves_no_effect(yard: Yard, verdict: Verdict) -> None:
    yard.hear(yard.send("start"), verdict)

    assert not track(yard).remote_start_active
    assert track(yard).consecutive_starts == 0


def test_a_late_answer_counts_like_any_other(yard: Yard) -> None:
    lost = yard.lose("start")

    yard.hear(lost, Verdict.SUCCEEDED)

    assert track(yard).remote_start_active
    assert track(yard).consecutive_starts == 1


def test_a_late_answer_to_an_earlier_command_does_not_undo_a_later_one(yard: Yard) -> None:
    """The start acted first, was cancelled, and its OEM answers last."""
    lost = yard.lose("start")
    yard.clock.advance(20)
    yard.execute("cancel_start")
    cancelled_at = yard.clock.now()
    yard.clock.advance(5)

    yard.hear(lost, Verdict.SUCCEEDED, completed_at=after(NOW, 3))

    assert changed(yard, "start") == {cancelled_at}
    assert not track(yard).remote_start_active
    assert (track(yard).consecutive_starts, track(yard).started_at) == (1, after(NOW, 3))


def test_a_late_enable_does_not_hide_a_later_disable(yard: Yard) -> None:
    lost = yard.lose("enable_ignition")
    yard.clock.advance(20)
    yard.execute("disable_ignition")
    disabled_at = yard.clock.now()

    yard.hear(lost, Verdict.SUCCEEDED, completed_at=after(NOW, 3))

    assert track(yard).ignition_disabled
    assert changed(yard, "disable_ignition") == {disabled_at}


def test_the_last_enable_is_the_one_that_acted_last(yard: Yard) -> None:
    lost = yard.lose("enable_ignition")
    yard.clock.advance(20)
    yard.execute("enable_ignition")
    enabled_at = yard.clock.now()

    yard.hear(lost, Verdict.SUCCEEDED, completed_at=after(NOW, 3))

    assert track(yard).enabled_at == enabled_at


def test_the_last_start_is_the_one_that_acted_last(yard: Yard) -> None:
    lost = yard.lose("start")
    yard.clock.advance(20)
    yard.execute("cancel_start")
    yard.clock.advance(301)
    yard.lapse(lost)
    yard.execute("start")
    started_at = yard.clock.now()

    yard.hear(lost, Verdict.SUCCEEDED, completed_at=after(NOW, 3))

    assert track(yard).started_at == started_at
    assert track(yard).remote_start_active
    assert track(yard).consecutive_starts == 2
