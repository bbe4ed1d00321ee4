"""What an OEM's answer makes of a command, as a table over its state and the verdict."""

from typing import Any

import msgspec
import pytest

from keyturn.clock import after
from keyturn.commands.model import lifecycle
from keyturn.commands.model.record import Command
from keyturn.commands.model.states import State
from keyturn.connectors.responses import LoggedRequest, Operation, OutcomeKind
from tests.support.command_env import OPERATION, CommandEnv, not_none
from tests.support.enrolment import NOW

NOT_SENT = "Failed to send command to the OEM."
HOOD = "Precondition not met: The hood must be closed."
NO_URL = "Failed to initiate command with the OEM or retrieve status URL."
DISPATCHING, ACCEPTED, UNKNOWN = State.DISPATCHING, State.ACCEPTED, State.UNKNOWN

TABLE = {
    (DISPATCHING, OutcomeKind.IN_PROGRESS): State.ACCEPTED,
    (DISPATCHING, OutcomeKind.SUCCEEDED): State.EXECUTED,
    (DISPATCHING, OutcomeKind.FAILED): State.FAILED,
    (DISPATCHING, OutcomeKind.REFUSED): State.REFUSED,
    (DISPATCHING, OutcomeKind.NOT_TAKEN): State.FAILED,
    (DISPATCHING, OutcomeKind.NO_OPERATION): State.UNKNOWN,
    (DISPATCHING, OutcomeKind.UNCLEAR): State.UNKNOWN,
    (ACCEPTED, OutcomeKind.SUCCEEDED): State.EXECUTED,
    (ACCEPTED, OutcomeKind.FAILED): State.FAILED,
    (ACCEPTED, OutcomeKind.REFUSED): State.REFUSED,
    (UNKNOWN, OutcomeKind.SUCCEEDED): State.EXECUTED,
    (UNKNOWN, OutcomeKind.FAILED): State.FAILED,
    (UNKNOWN, OutcomeKind.REFUSED): State.FAILED,
}
"""Every other answer leaves the state as it is."""


def in_state(env: CommandEnv, state: State) -> Command:
    """A `start` that got as far as `state`, the POST still held while it is Dispatching."""
    if state is DISPATCHING:
        return env.send("start")
    return env.accept("start") if state is ACCEPTED else env.lose("start")


@pytest.mark.parametrize("state", [DISPATCHING, ACCEPTED, UNKNOWN])
def test_state_after_each_answer(env: CommandEnv, state: State) -> None:
    for verdict in OutcomeKind:
        command = in_state(env, state)
        moved = env.respond(command, verdict, preconditions=(5,))

        expected = TABLE.get((state, verdict), state)
        assert env.row(command).state is expected, verdict
        assert (moved is None) is (expected is state), verdict
        env.do(lambda tx: tx.run("DELETE FROM open_command"))


@pytest.mark.parametrize("state", [State.QUEUED, State.EXECUTED])
def test_an_answer_that_comes_too_late_or_too_early_changes_nothing(env: CommandEnv, state: State) -> None:
    command = env.register("start") if state is State.QUEUED else env.execute("start")

    for verdict in OutcomeKind:
        assert env.respond(command, verdict) is None
    assert env.row(command) == command


def test_an_answer_about_nothing_we_know_changes_nothing(env: CommandEnv) -> None:
    sent = env.send("start")

    assert env.respond(msgspec.structs.replace(sent, id="of another system"), OutcomeKind.FAILED) is None


@pytest.mark.parametrize(
    ("verdict", "answer", "native"),
    [
        (OutcomeKind.IN_PROGRESS, (200, None), (None, None, True)),
        (OutcomeKind.SUCCEEDED, (200, None), ("succeeded", None, True)),
        (OutcomeKind.FAILED, (200, None), ("failed", "vehicle_state", False)),
        (OutcomeKind.REFUSED, (409, HOOD), ("refused", "vehicle_state", False)),
        (OutcomeKind.NOT_TAKEN, (502, NOT_SENT), ("not_taken", "oem", False)),
        (OutcomeKind.NO_OPERATION, (502, NO_URL), ("no_operation", "oem", True)),
        (OutcomeKind.UNCLEAR, (200, None), ("unclear", "oem", True)),
    ],
)
def test_what_a_held_post_is_answered_with_and_the_native_record_says(
    env: CommandEnv, verdict: OutcomeKind, answer: tuple[int, str | None], native: tuple[str | None, str | None, bool]
) -> None:
    moved = not_none(env.respond(env.send("start"), verdict, operation=OPERATION, preconditions=(5,)))

    assert (moved.post_code, moved.post_detail) == answer
    assert (moved.outcome, moved.cause, moved.may_have_executed) == native


def test_a_post_that_was_answered_keeps_its_answer(env: CommandEnv) -> None:
    accepted = env.accept("start")

    moved = not_none(env.respond(accepted, OutcomeKind.REFUSED, preconditions=(5,)))

    assert (moved.post_code, moved.post_detail) == (200, None)


@pytest.mark.parametrize(
    ("said", "detail"),
    [
        ({"detail": "The vehicle is asleep."}, "The vehicle is asleep."),
        ({"preconditions": (8, 5)}, "Precondition not met: The hood must be closed. The hazard lights must be off."),
        ({}, "The vehicle reported a failure."),
    ],
)
def test_a_failure_says_what_the_connector_mapped(env: CommandEnv, said: dict[str, Any], detail: str) -> None:
    moved = not_none(env.respond(env.accept("start"), OutcomeKind.FAILED, **said))

    assert moved.detail == f'"{detail}"'


def test_a_success_says_when_and_what_the_vehicle_returned(env: CommandEnv) -> None:
    accepted = env.accept("location")
    env.clock.advance(9)

    said = {"completed_at": after(NOW, 7), "data": {"latitude": -23.5505199, "longitude": -46.6333094}}
    moved = not_none(env.respond(accepted, OutcomeKind.SUCCEEDED, **said))

    assert moved.detail == '{"date_time":"2023-11-14 19:13:27","latitude":-23.5505199,"longitude":-46.6333094}'


def test_completion_without_a_time_of_the_oem_is_dated_by_when_we_learned_it(env: CommandEnv) -> None:
    accepted = env.accept("start")
    env.clock.advance(9)

    moved = not_none(env.respond(accepted, OutcomeKind.SUCCEEDED))

    assert moved.detail == '{"date_time":"2023-11-14 19:13:29"}'


def test_a_success_that_was_so_already_is_one(env: CommandEnv) -> None:
    moved = not_none(env.respond(env.send("start"), OutcomeKind.SUCCEEDED, already_done=True))

    assert (moved.state, moved.outcome) == (State.EXECUTED, "already_done")


def test_an_operation_is_kept_to_ask_about(env: CommandEnv) -> None:
    assert env.accept("start").oem_operation == OPERATION


def test_an_operation_that_a_look_up_found_is_asked_about_from_then_on(env: CommandEnv) -> None:
    lost = env.lose("start")

    noted = not_none(env.respond(lost, OutcomeKind.IN_PROGRESS, operation=OPERATION))
    again = env.respond(lost, OutcomeKind.IN_PROGRESS, operation=Operation(id="op-2"))

    assert (noted.state, noted.oem_operation) == (State.UNKNOWN, OPERATION)
    assert again is None
    assert env.told(lost)[-1] == "command.found"


@pytest.mark.parametrize("verdict", [verdict for state, verdict in TABLE if state is DISPATCHING])
def test_the_exchange_is_written_to_the_timeline(env: CommandEnv, verdict: OutcomeKind) -> None:
    sent = env.send("start")
    exchange = LoggedRequest("POST /vehicles/9KT/commands/start", NOW, 12.5, 202, "{}")

    moved = not_none(env.respond(sent, verdict, exchange=exchange, preconditions=(5,)))

    ((body,),) = env.rows("SELECT body FROM entry WHERE kind = :kind", kind=f"command.{moved.state}")
    assert f'"verdict":"{verdict}"' in body
    assert '"request":"POST /vehicles/9KT/commands/start"' in body


def test_without_an_operation_there_is_nothing_to_ask_about(env: CommandEnv) -> None:
    moved = not_none(env.respond(env.send("start"), OutcomeKind.IN_PROGRESS))

    assert (moved.operation, moved.oem_operation) == (None, None)


def test_a_success_after_all_leaves_no_cause(env: CommandEnv) -> None:
    lost = env.lose("start")
    assert lost.cause == "oem"

    assert not_none(env.respond(lost, OutcomeKind.SUCCEEDED)).cause is None


@pytest.mark.parametrize(
    ("command", "reads_state", "verification"),
    [("lock_door", True, None), ("lock_door", False, "not_possible"), ("alert", False, None), ("alert", True, None)],
)
def test_where_the_vehicle_cannot_be_read_a_success_is_never_verified(
    env: CommandEnv, command: str, reads_state: bool, verification: str | None
) -> None:
    env.behind(reads_state=reads_state)

    assert env.execute(command).verification == verification


@pytest.mark.parametrize("command", ["lock_door", "cancel_start"])
def test_what_the_vehicle_did_is_kept_by_the_oems_time_of_it(env: CommandEnv, command: str) -> None:
    lost = env.lose(command)
    env.clock.advance(60)

    env.respond(lost, OutcomeKind.SUCCEEDED, completed_at=after(NOW, 3))

    assert env.evidence().expected.settled_at == dict.fromkeys(lost.spec.changes, after(NOW, 3))


def test_a_start_that_was_not_done_is_pending_no_more(env: CommandEnv) -> None:
    sent = env.send("start")
    assert env.evidence().expected.start_pending

    env.respond(sent, OutcomeKind.FAILED)

    assert not env.evidence().expected.start_pending


def test_a_late_success_turns_error_into_success(env: CommandEnv) -> None:
    failed = not_none(env.respond(env.send("start"), OutcomeKind.NO_OPERATION))
    assert failed.status == "Error"
    env.clock.advance(7)

    moved = not_none(env.respond(failed, OutcomeKind.SUCCEEDED))

    assert (moved.status, moved.updated_at, moved.post_code) == ("Success", after(NOW, 7), 502)


def test_verified_never_regresses(env: CommandEnv) -> None:
    done = env.execute("start")
    verified = not_none(env.do(lambda tx: lifecycle.move(tx, done, State.VERIFIED)))

    for verdict in OutcomeKind:
        assert env.respond(verified, verdict) is None
    assert env.row(done) == verified
