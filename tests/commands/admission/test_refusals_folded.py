"""A flood of refused ignition attempts fills no audit log, and is counted to the last one."""

import json
from typing import Any

import pytest

from keyturn.commands.admission import refused_attempts
from keyturn.commands.admission.refused_attempts import SINGLY
from keyturn.errors import BlockedByPolicy
from tests.support.command_env import CommandEnv
from tests.support.enrolment import VIN

NOBODY = "9KTNOSUCHVEHICLE1"
MINUTE = 60.0


def flood(env: CommandEnv, count: int, command: str = "enable_ignition", **fields: Any) -> None:
    for _ in range(count):
        env.refused(command, vin=NOBODY, **fields)


def told(env: CommandEnv, kind: str) -> list[tuple[str, dict[str, Any]]]:
    rows = env.rows("SELECT actor, body FROM entry WHERE kind = :kind ORDER BY seq", kind=kind)
    return [(actor, json.loads(body)) for actor, body in rows]


def test_the_first_twenty_in_a_minute_have_an_entry_each_and_the_others_one_together(env: CommandEnv) -> None:
    flood(env, SINGLY + 7)
    flood(env, 3, "disable_ignition", code="123456")
    assert len(told(env, "ignition.refused")) == SINGLY == 20
    assert told(env, "ignition.refusals") == []

    env.clock.advance(MINUTE)
    env.sweep()
    env.sweep()

    ((actor, body),) = told(env, "ignition.refusals")
    assert actor == env.names.application
    assert body["count"] == 10
    assert [(each["command"], each["http_status"], each["count"]) for each in body["refusals"]] == [
        ("enable_ignition", 404, 7),
        ("disable_ignition", 404, 3),
    ]


def test_the_count_is_durable_with_each_refusal(env: CommandEnv) -> None:
    flood(env, SINGLY)
    for count in range(1, 4):
        flood(env, 1)
        ((folded,),) = env.rows("SELECT folded FROM refusal_window")
        assert [each["count"] for each in json.loads(folded)] == [count]


def test_a_minute_that_ended_while_nobody_looked_is_told_by_the_next_refusal_or_look(env: CommandEnv) -> None:
    flood(env, SINGLY + 5)
    env.clock.advance(3 * MINUTE)

    flood(env, 1)

    assert [body["count"] for _, body in told(env, "ignition.refusals")] == [5]
    assert len(told(env, "ignition.refused")) == SINGLY + 1


def test_a_minute_of_few_refusals_ends_without_a_word(env: CommandEnv) -> None:
    flood(env, SINGLY)
    env.clock.advance(MINUTE)

    env.sweep()

    assert told(env, "ignition.refusals") == []
    assert env.rows("SELECT 1 FROM refusal_window") == []


def test_applications_are_counted_apart(env: CommandEnv) -> None:
    flood(env, SINGLY + 1)

    flood(env, 1, application_id="another")

    assert [actor for actor, _ in told(env, "ignition.refused")] == [env.names.application] * SINGLY + ["another"]


def test_kinds_beyond_a_bound_are_counted_as_one(env: CommandEnv) -> None:
    flood(env, SINGLY)
    for number in range(120):
        refusal = BlockedByPolicy(f"reason {number}")
        env.do(
            refused_attempts.record_attempt, env.names.company, env.names.application, VIN, "disable_ignition", refusal
        )
    ((folded,),) = env.rows("SELECT folded FROM refusal_window")
    counts = [each["count"] for each in json.loads(folded)]

    assert sum(counts) == 120
    assert len(counts) == 51


@pytest.mark.parametrize("command", ["enable_ignition", "disable_ignition"])
def test_behind_a_flood_what_is_right_is_served(env: CommandEnv, command: str) -> None:
    flood(env, 5 * SINGLY)

    assert env.ask(command).answer is not None
