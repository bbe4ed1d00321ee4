"""What sending and executing leave in our own record of the vehicle."""

import msgspec
import pytest

from keyturn.clock import after
from keyturn.commands.model.catalogue import CATALOGUE, COMMANDS
from keyturn.connectors.responses import OutcomeKind
from keyturn.fleet.evidence import ExpectedState
from tests.support.command_env import PARKED, CommandEnv, not_none
from tests.support.enrolment import NOW

CHANGING = [spec.name for spec in CATALOGUE if spec.changes]
RECORDED = {"ignition_disabled", "remote_start_active", "remote_alert_active"}
"""Signals of which we keep a record of our own, because a precondition asks for what a remote command did."""


def track(env: CommandEnv) -> ExpectedState:
    return env.evidence().expected


def changed(env: CommandEnv, command: str) -> set[int]:
    return {track(env).changed_at[name] for name in COMMANDS[command].changes}


@pytest.fixture(autouse=True)
def reachable(env: CommandEnv) -> None:
    env.report(PARKED)


@pytest.mark.parametrize("command", [spec.name for spec in CATALOGUE if RECORDED & set(spec.changes)])
def test_command_that_changes_what_we_keep_a_record_of_leaves_it_there(env: CommandEnv, command: str) -> None:
    opposite = not_none(COMMANDS[command].opposite)
    if COMMANDS[command].is_restoring:
        env.execute(opposite)
        env.report(PARKED)
    before = track(env)

    env.execute(command)

    dates = {name: getattr(track(env), name) for name in ("actuated_at", "changed_at", "settled_at")}
    assert msgspec.structs.replace(before, **dates) != track(env)


@pytest.mark.parametrize("command", CHANGING)
def test_what_a_command_can_change_is_dated_by_its_sending_and_then_by_its_completion(
    env: CommandEnv, command: str
) -> None:
    sent = env.send(command)
    assert changed(env, command) == {NOW}
    env.clock.advance(5)

    env.respond(sent, OutcomeKind.SUCCEEDED, completed_at=after(NOW, 3))

    assert changed(env, command) == {after(NOW, 3)}
    assert set(track(env).changed_at) == set(COMMANDS[command].changes)


@pytest.mark.parametrize(
    ("said", "kept"),
    [(None, 5), (3.0, 3), (-60.0, 0), (60.0, 5)],
    ids=["the OEM does not say", "as the OEM says", "not before the sending", "not in our future"],
)
def test_effect_is_dated_by_when_the_vehicle_did_it(env: CommandEnv, said: float | None, kept: float) -> None:
    sent = env.send("start")
    env.clock.advance(5)

    done = not_none(env.respond(sent, OutcomeKind.SUCCEEDED, completed_at=None if said is None else after(NOW, said)))

    assert done.completed_at == after(NOW, kept)
    assert track(env).started_at == after(NOW, kept)


@pytest.mark.parametrize("command", [spec.name for spec in CATALOGUE])
def test_the_last_actuating_command_is_remembered_and_no_other(env: CommandEnv, command: str) -> None:
    env.clock.advance(1)

    env.send(command)

    assert track(env).actuated_at == (env.clock.now() if COMMANDS[command].kind == "actuating" else 0)


def test_reads_leave_nothing(env: CommandEnv) -> None:
    env.execute("location")

    assert track(env) == ExpectedState()


def test_ignition_commands_leave_their_effect(env: CommandEnv) -> None:
    env.execute("disable_ignition")
    assert track(env).ignition_disabled
    env.clock.advance(1)

    env.execute("enable_ignition")

    assert not track(env).ignition_disabled
    assert track(env).enabled_at == env.clock.now()


def test_start_leaves_its_effect(env: CommandEnv) -> None:
    env.execute("start")
    assert track(env).remote_start_active

    env.execute("cancel_start")

    assert not track(env).remote_start_active
    assert track(env).consecutive_starts == 1


def test_an_alert_sounds_for_30_seconds(env: CommandEnv) -> None:
    env.execute("alert")
    assert track(env).alert_active_until == after(NOW, 30)

    env.execute("cancel_alert")

    assert track(env).alert_active_until == 0


@pytest.mark.parametrize(
    "verdict", [OutcomeKind.FAILED, OutcomeKind.REFUSED, OutcomeKind.NOT_TAKEN, OutcomeKind.UNCLEAR]
)
def test_what_is_not_known_to_be_done_leaves_no_effect(env: CommandEnv, verdict: OutcomeKind) -> None:
    env.respond(env.send("start"), verdict)

    assert not track(env).remote_start_active
    assert track(env).consecutive_starts == 0


def test_a_late_answer_counts_like_any_other(env: CommandEnv) -> None:
    lost = env.lose("start")

    env.respond(lost, OutcomeKind.SUCCEEDED)

    assert track(env).remote_start_active
    assert track(env).consecutive_starts == 1


def test_a_late_answer_to_an_earlier_command_does_not_undo_a_later_one(env: CommandEnv) -> None:
    """The start acted first, was cancelled, and its OEM answers last."""
    lost = env.lose("start")
    env.clock.advance(20)
    env.execute("cancel_start")
    cancelled_at = env.clock.now()
    env.clock.advance(5)

    env.respond(lost, OutcomeKind.SUCCEEDED, completed_at=after(NOW, 3))

    assert changed(env, "start") == {cancelled_at}
    assert not track(env).remote_start_active
    assert (track(env).consecutive_starts, track(env).started_at) == (1, after(NOW, 3))


def test_a_late_enable_does_not_hide_a_later_disable(env: CommandEnv) -> None:
    lost = env.lose("enable_ignition")
    env.clock.advance(20)
    env.execute("disable_ignition")
    disabled_at = env.clock.now()

    env.respond(lost, OutcomeKind.SUCCEEDED, completed_at=after(NOW, 3))

    assert track(env).ignition_disabled
    assert changed(env, "disable_ignition") == {disabled_at}


def test_the_last_enable_is_the_one_that_acted_last(env: CommandEnv) -> None:
    lost = env.lose("enable_ignition")
    env.clock.advance(20)
    env.execute("enable_ignition")
    enabled_at = env.clock.now()

    env.respond(lost, OutcomeKind.SUCCEEDED, completed_at=after(NOW, 3))

    assert track(env).enabled_at == enabled_at


def test_the_last_start_is_the_one_that_acted_last(env: CommandEnv) -> None:
    lost = env.lose("start")
    env.clock.advance(20)
    env.execute("cancel_start")
    env.clock.advance(301)
    env.lapse(lost)
    env.execute("start")
    started_at = env.clock.now()

    env.respond(lost, OutcomeKind.SUCCEEDED, completed_at=after(NOW, 3))

    assert track(env).started_at == started_at
    assert track(env).remote_start_active
    assert track(env).consecutive_starts == 2
