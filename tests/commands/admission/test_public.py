"""What the frozen surface shows of a row: status, detail and `updated`."""

from typing import Any

import msgspec
import pytest

from keyturn.clock import SECOND, after
from keyturn.commands.admission.requests import (
    coalesced_status,
    confirmation_answer,
    is_final,
    post_answer,
    record_body,
)
from keyturn.commands.model import lifecycle
from keyturn.commands.model.lifecycle import NotATransition
from keyturn.commands.model.record import Command, PublicView
from keyturn.commands.model.states import State, Status
from tests.commands.model.drafts import draft, written
from tests.support.command_env import CommandEnv
from tests.support.enrolment import NOW, VIN, Names

CREATED, LATER = "2023-11-14 19:13:20", "2023-11-14 19:13:27"
ONE_CHANGE = [
    (State.CONFIRMING, State.QUEUED, None, "Pending", {}),
    (State.CONFIRMING, State.EXPIRED, "Confirmation expired", "Error", "Confirmation expired"),
    (State.QUEUED, State.CANCELLED, "Cancelled before it was sent.", "Error", "Cancelled before it was sent."),
    (State.ACCEPTED, State.EXECUTED, {"date_time": "then"}, "Success", {"date_time": "then"}),
    (State.UNKNOWN, State.FAILED, "The vehicle reported a failure.", "Error", "The vehicle reported a failure."),
]
NO_CHANGE = [
    (State.QUEUED, State.DISPATCHING),
    (State.DISPATCHING, State.QUEUED),
    (State.DISPATCHING, State.ACCEPTED),
    (State.ACCEPTED, State.UNKNOWN),
]
UNKNOWN_TEXTS = [
    ("start", "unclear", "Outcome unknown. The vehicle may have executed the command."),
    ("start", "no_answer", "Outcome unknown. The vehicle may have executed the command."),
    (
        "start",
        "no_operation",
        "Failed to initiate command with the OEM or retrieve status URL. The vehicle may have executed it.",
    ),
    ("location", "no_operation", "Failed to initiate command with the OEM or retrieve status URL."),
    ("location", "unclear", "No answer from the vehicle."),
    ("diagnostics", "no_answer", "No answer from the vehicle."),
]


def face(command: Command) -> PublicView:
    """As far as a client sees it."""
    return PublicView(**{field: getattr(command, field) for field in PublicView.__struct_fields__})


def moved_later(env: CommandEnv, command: Command, to: State, detail: Any = None) -> dict[str, object]:
    env.do(written, command)
    env.clock.advance(7)
    env.do(lifecycle.move, command, to, detail=detail)
    return record_body(face(env.row(command)))


@pytest.mark.parametrize(("before", "to", "detail", "status", "shown"), ONE_CHANGE)
def test_a_change_of_status_or_detail_moves_updated(
    env: CommandEnv, before: State, to: State, detail: Any, status: str, shown: Any
) -> None:
    command = draft(env.names, before)

    body = moved_later(env, command, to, detail)

    assert body == {
        "id": command.id,
        "vin": VIN,
        "command": "start",
        "status": status,
        "detail": shown,
        "updated": LATER,
    }


@pytest.mark.parametrize(("before", "to"), NO_CHANGE)
def test_updated_is_created_until_the_public_face_changes(env: CommandEnv, before: State, to: State) -> None:
    body = moved_later(env, draft(env.names, before), to)

    assert (body["status"], body["detail"], body["updated"]) == ("Pending", {}, CREATED)


def test_verified_changes_neither_status_nor_detail_nor_updated(env: CommandEnv) -> None:
    done = draft(env.names, State.EXECUTED, detail='{"date_time":"then"}')

    body = moved_later(env, done, State.VERIFIED)

    assert (body["status"], body["detail"], body["updated"]) == ("Success", {"date_time": "then"}, CREATED)


@pytest.mark.parametrize(("name", "outcome", "text"), UNKNOWN_TEXTS)
def test_an_unknown_command_is_revealed_with_the_text_of_its_case(
    env: CommandEnv, name: str, outcome: str, text: str
) -> None:
    command = env.do(written, draft(env.names, State.UNKNOWN, name, outcome=outcome))
    env.clock.advance(7)

    env.do(lifecycle.expose_as_error, command)

    body = record_body(face(env.row(command)))
    assert (body["status"], body["detail"], body["updated"]) == ("Error", text, LATER)
    assert env.told(command)[-1] == "command.revealed"


def test_a_revealed_command_becomes_a_success_by_a_late_answer(env: CommandEnv) -> None:
    command = env.do(written, draft(env.names, State.UNKNOWN))
    revealed = env.do(lifecycle.expose_as_error, command)
    env.clock.advance(7)

    env.do(lifecycle.move, revealed, State.EXECUTED, detail={"date_time": "then"})

    body = record_body(face(env.row(command)))
    assert (body["status"], body["updated"]) == ("Success", LATER)


def test_public_record_reveals_nothing_else(env: CommandEnv) -> None:
    for state in set(State) - {State.UNKNOWN}:
        with pytest.raises(NotATransition):
            env.do(lifecycle.expose_as_error, draft(env.names, state))


@pytest.mark.parametrize(
    ("status", "final"),
    [(Status.CONFIRMATION, False), (Status.PENDING, False), (Status.SUCCESS, True), (Status.ERROR, True)],
)
def test_a_record_is_final_once_it_shows_success_or_error(names: Names, status: Status, final: bool) -> None:
    assert is_final(face(draft(names, State.UNKNOWN, status=status))) is final


def test_a_post_shows_created_of_the_registration(names: Names) -> None:
    answer = post_answer(draft(names))

    assert answer.http_status == 200
    assert list(answer.body) == ["id", "vin", "command", "status", "created"]
    assert (answer.body["status"], answer.body["created"]) == ("Pending", CREATED)


def test_created_of_a_confirmed_command_is_its_redemption(names: Names) -> None:
    assert post_answer(draft(names, redeemed_at=after(NOW, 7))).body["created"] == LATER


@pytest.mark.parametrize("code", [403, 409, 502])
def test_a_post_that_failed_says_so_in_record_form(names: Names, code: int) -> None:
    answer = post_answer(draft(names, State.REFUSED, post_code=code, post_detail="Because."))

    assert answer.http_status == code
    assert list(answer.body) == ["id", "vin", "command", "status", "created", "detail"]
    assert (answer.body["status"], answer.body["detail"]) == ("Error", "Because.")


def test_joining_a_record_that_shows_error_is_its_502_again(names: Names) -> None:
    failed = draft(names, State.UNKNOWN, status=Status.ERROR, post_code=502, post_detail="No status URL.")

    answer = post_answer(failed, coalesced_status(failed))

    assert (answer.http_status, answer.body["status"], answer.body["detail"]) == (502, "Error", "No status URL.")
    assert coalesced_status(draft(names, State.UNKNOWN)) == 200


def test_the_first_step_shows_the_code_and_what_to_tell_the_user(names: Names) -> None:
    command = draft(names, State.CONFIRMING, "disable_ignition")

    answer = confirmation_answer(command, "012345", "Atenção")

    assert answer.body == {
        "id": command.id,
        "vin": VIN,
        "command": "disable_ignition",
        "status": "Confirmation",
        "code": "012345",
        "message": "Atenção",
    }
    assert "code" not in record_body(face(command))


def test_bodies_are_json_as_they_are(names: Names) -> None:
    command = draft(names, detail='{"odometer":18250.5}', updated_at=NOW + SECOND)

    assert msgspec.json.decode(msgspec.json.encode(record_body(face(command))))["detail"] == {"odometer": 18250.5}
