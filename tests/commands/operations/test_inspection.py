"""The native record and its timeline."""

from typing import Any

import pytest

from keyturn.admin.operation import Session
from keyturn.commands.execution.intent import hold_back_unsent
from keyturn.commands.model.states import State, Status
from keyturn.commands.operations.command_details import ShowCommand, native_record, safe_to_retry, show, timeline
from keyturn.connectors.responses import LoggedRequest, OutcomeKind
from keyturn.errors import OperationError
from tests.commands.model.drafts import draft
from tests.support.command_env import CommandEnv, not_none
from tests.support.enrolment import INSTALLATION, KEYRING, NOW, Names

SAFE = [
    ("start", State.FAILED, None, True),
    ("start", State.REFUSED, None, True),
    ("start", State.EXPIRED, None, True),
    ("start", State.CANCELLED, None, True),
    ("start", State.UNKNOWN, Status.ERROR, False),
    ("start", State.UNKNOWN, None, False),
    ("start", State.EXECUTED, None, False),
    ("start", State.QUEUED, None, False),
    ("location", State.UNKNOWN, Status.ERROR, True),
    ("location", State.EXECUTED, None, True),
    ("location", State.QUEUED, None, False),
]


@pytest.mark.parametrize(("name", "state", "status", "safe"), SAFE)
def test_what_may_be_asked_for_again_without_doing_it_twice(
    names: Names, name: str, state: State, status: Status | None, safe: bool
) -> None:
    command = draft(names, state, name, **({"status": status} if status else {}))

    assert safe_to_retry(command) is safe
    assert native_record(command)["safe_to_retry"] is safe


def test_the_timeline_tells_every_transition_and_exchange_in_order(env: CommandEnv) -> None:
    sent = env.send("start")
    env.clock.advance(2)
    env.respond(
        sent, OutcomeKind.UNCLEAR, exchange=LoggedRequest("POST /vehicles/9KT/commands/start", NOW, 1.5, answer="gone")
    )

    told = env.see(timeline, sent.id)

    assert [entry["kind"] for entry in told] == ["command.registered", "command.Dispatching", "command.Unknown"]
    assert told[2]["exchange"]["answer"] == "gone"
    assert told[2]["at"] == "2023-11-14T22:13:22.000000+00:00"


def shown_to_operator(env: CommandEnv, command_id: str) -> dict[str, Any]:
    return env.see(
        lambda tx: show(Session(tx, KEYRING, INSTALLATION, "operator:test"), ShowCommand(command=command_id))
    )


def test_an_operator_is_shown_the_record_with_its_verdicts(env: CommandEnv) -> None:
    env.report({"speed": 0.0})
    sent = env.send("lock_door")

    shown = shown_to_operator(env, sent.id)

    assert (shown["id"], shown["command"], shown["state"], shown["status"]) == (
        sent.id,
        "lock_door",
        "Dispatching",
        "Pending",
    )
    assert shown["verdicts"][0]["signals"]["speed"]["value"] == 0.0
    assert (shown["sent_at"], shown["completed_at"]) == ("2023-11-14T22:13:20.000000+00:00", None)
    assert shown["timeline"][0]["kind"] == "command.registered"


def test_an_id_that_nobody_knows_is_said(env: CommandEnv) -> None:
    with pytest.raises(OperationError, match="There is no command 'unheard of'"):
        shown_to_operator(env, "unheard of")


def test_attempts_count_every_sending_and_nothing_else(env: CommandEnv) -> None:
    """Neither a wait for the quota nor the row's own count of retries is a sending."""
    command = env.register("start")
    assert shown_to_operator(env, command.id)["attempts"] == 0

    env.do(hold_back_unsent, command.id, env.clock.now() + 1, "quota")
    env.clock.advance(1)
    sent = not_none(env.intent(command))
    assert shown_to_operator(env, command.id)["attempts"] == 1

    waiting = not_none(env.respond(sent, OutcomeKind.NOT_TAKEN, temporary=True))
    env.clock.advance(1)
    env.respond(not_none(env.intent(waiting)), OutcomeKind.SUCCEEDED)
    assert shown_to_operator(env, command.id)["attempts"] == 2
