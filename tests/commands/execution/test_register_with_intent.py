"""A command that is registered with its intent leaves what one leaves whose intent is written a moment later."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from keyturn.bus.topics import COMMAND_CHANGED
from keyturn.commands.admission.registration import CommandFactory, RegisterWithIntent, never_with_intent, uuid7
from keyturn.commands.execution.intent import register_with_intent
from keyturn.commands.model.record import COLUMNS, Command
from keyturn.commands.model.states import State
from keyturn.config.settings import CommandSettings, EvidenceSettings
from keyturn.connectors.port import Quota
from keyturn.connectors.responses import OutcomeKind
from tests.support.command_env import PARKED, CommandEnv, not_none
from tests.support.enrolment import Names

COMMON = {"reads_state": False}
Prepare = Callable[[CommandEnv], None]


def together(env: CommandEnv, initiate_wait: float = 10.0) -> CommandEnv:
    """`env`, where what can be sent at once is registered with its intent."""
    return _registering(env, initiate_wait, lambda tx, new: register_with_intent(tx, new, env.rules))


def apart(env: CommandEnv, initiate_wait: float = 10.0) -> CommandEnv:
    """`env`, where each intent has a transaction of its own."""
    return _registering(env, initiate_wait, never_with_intent)


def _registering(env: CommandEnv, initiate_wait: float, way: RegisterWithIntent) -> CommandEnv:
    settings = CommandSettings(initiate_wait=initiate_wait)
    env.rules = msgspec.structs.replace(env.rules, commands=settings)
    env.factory = CommandFactory(settings, EvidenceSettings(), uuid7, env.store.epoch, way)
    env.behind(**COMMON)
    return env


@pytest.fixture
def pair(installed: tuple[Path, Names], tmp_path: Path) -> Iterator[tuple[CommandEnv, CommandEnv]]:
    """Two installations that differ in nothing; the first registers commands with their intents."""
    template, names = installed
    envs = []
    for place in ("together", "apart"):
        shutil.copytree(template, tmp_path / place)
        envs.append(CommandEnv(tmp_path / place, names))
    yield together(envs[0]), apart(envs[1])
    for env in envs:
        env.close()


@pytest.fixture
def fused(env: CommandEnv) -> CommandEnv:
    return together(env)


def left(env: CommandEnv, command: Command) -> dict[str, Any]:
    """All that the store has of a command and its vehicle, with the id written as ``ID``."""
    named = lambda value: value.replace(command.id, "ID") if isinstance(value, str) else value  # noqa: E731
    tables = {
        "command": f"SELECT {', '.join(COLUMNS)} FROM command ORDER BY id",
        "open": (
            "SELECT command_id, vehicle_id, name, state, lane_number, segment, lane_slot, wake_at FROM open_command"
        ),
        "entries": (
            "SELECT at, company_id, actor, kind, vehicle_id, command_id, body FROM entry"
            " WHERE command_id IS NOT NULL ORDER BY seq"
        ),
        "evidence": "SELECT * FROM vehicle_evidence",
        "calls": "SELECT account_id, vehicle_id, at FROM oem_call",
    }
    return {table: [tuple(map(named, row)) for row in env.rows(sql)] for table, sql in tables.items()}


QUOTA = Quota(per_vehicle=((60.0, 3),), per_account=((60.0, 9),), reserve=1)


@pytest.mark.parametrize("reported", [{}, PARKED | {"doors_locked": False}], ids=["unknown", "parked"])
@pytest.mark.parametrize("quota", [None, QUOTA], ids=["", "quota"])
@pytest.mark.parametrize("initiate_wait", [0.0, 10.0])
@pytest.mark.parametrize("command", ["lock_door", "unlock_door", "alert", "start", "location", "diagnostics"])
def test_a_reader_of_the_record_cannot_tell_the_ways_apart(
    pair: tuple[CommandEnv, CommandEnv],
    command: str,
    initiate_wait: float,
    quota: Quota | None,
    reported: dict[str, Any],
) -> None:
    found = []
    for env, way in zip(pair, (together, apart), strict=True):
        way(env, initiate_wait).behind(**COMMON, quota=quota)
        if reported:
            env.report(reported)
        env.clock.advance(3)
        registered = env.register(command, reason="missing", case_number="case 7")
        assert registered.state is (State.DISPATCHING if way is together else State.QUEUED)
        if way is apart:
            not_none(env.intent(registered))
        found.append(left(env, registered))

    assert found[0] == found[1]
    assert [entry[3] for entry in found[0]["entries"]] == ["command.registered", "command.Dispatching"]


def test_its_answer_leads_to_the_same_end(pair: tuple[CommandEnv, CommandEnv]) -> None:
    found = []
    for env in pair:
        registered = env.register("lock_door")
        sent = registered if registered.state is State.DISPATCHING else not_none(env.intent(registered))
        env.clock.advance(1)
        not_none(env.respond(sent, OutcomeKind.SUCCEEDED))
        found.append(left(env, registered))

    assert found[0] == found[1]


def test_it_is_announced_once_as_it_is(fused: CommandEnv) -> None:
    sent = fused.register("lock_door")

    assert [each for each in fused.announced if each[1] == sent.id] == [(COMMAND_CHANGED, sent.id)]
    assert fused.handed[COMMAND_CHANGED, sent.id] == sent


def lane_held_by_dispatching(env: CommandEnv) -> None:
    assert env.register("alert").state is State.DISPATCHING


def lane_held_by_accepted(env: CommandEnv) -> None:
    not_none(env.respond(env.register("alert"), OutcomeKind.IN_PROGRESS))


def lane_held_by_queued(env: CommandEnv) -> None:
    again = env.respond(env.register("alert"), OutcomeKind.NOT_TAKEN, temporary=True, retry_after=20.0)
    assert not_none(again).state is State.QUEUED


def speed_unknown(env: CommandEnv) -> None:
    env.behind(reads_state=True)


def refused_when_unknown(env: CommandEnv) -> None:
    env.behind(reads_state=False, enforces_preconditions=False)


def quota_used_up(env: CommandEnv) -> None:
    env.behind(**COMMON, quota=Quota(per_vehicle=((30.0, 1),)))
    env.register("location")


def quota_of_the_account_used_up(env: CommandEnv) -> None:
    env.behind(**COMMON, quota=Quota(per_account=((30.0, 1),)))
    env.register("location")


def only_the_reserve_is_left(env: CommandEnv) -> None:
    env.behind(**COMMON, quota=Quota(per_vehicle=((30.0, 2),), reserve=1))
    env.register("location")


def grants_revoked(env: CommandEnv) -> None:
    env.administer("application set", application=env.names.application, grants=["location"])


def application_disabled(env: CommandEnv) -> None:
    env.administer("application set", application=env.names.application, company="first", active=False)


def company_disabled(env: CommandEnv) -> None:
    env.administer("company set", company="first", active=False)


def opposite_unsent(env: CommandEnv) -> None:
    again = env.respond(env.register("lock_door"), OutcomeKind.NOT_TAKEN, temporary=True, retry_after=20.0)
    assert not_none(again).state is State.QUEUED


def nothing(_env: CommandEnv) -> None:
    """The command alone is enough."""


QUEUED, REFUSED, SENT = State.QUEUED, State.REFUSED, State.DISPATCHING


@pytest.mark.parametrize(
    ("prepare", "command", "then", "cause"),
    [
        (lane_held_by_dispatching, "lock_door", QUEUED, None),
        (lane_held_by_accepted, "lock_door", QUEUED, None),
        (lane_held_by_queued, "lock_door", QUEUED, None),
        (speed_unknown, "lock_door", SENT, None),
        (refused_when_unknown, "unlock_door", REFUSED, "vehicle_state"),
        (quota_used_up, "lock_door", QUEUED, "quota"),
        (quota_used_up, "diagnostics", QUEUED, "quota"),
        (quota_of_the_account_used_up, "lock_door", QUEUED, "quota"),
        (only_the_reserve_is_left, "lock_door", QUEUED, "quota"),
        (grants_revoked, "lock_door", REFUSED, "policy"),
        (grants_revoked, "diagnostics", REFUSED, "policy"),
        (application_disabled, "lock_door", REFUSED, "policy"),
        (application_disabled, "location", REFUSED, "policy"),
        (company_disabled, "lock_door", REFUSED, "policy"),
        (opposite_unsent, "unlock_door", SENT, None),
        (nothing, "cancel_alert", SENT, None),
        (nothing, "cancel_start", SENT, None),
        (nothing, "enable_ignition", SENT, None),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_what_cannot_be_sent_at_once_is_registered_queued_and_its_intent_decides(
    fused: CommandEnv, prepare: Prepare, command: str, then: State, cause: str | None
) -> None:
    prepare(fused)

    registered = fused.register(command)

    assert registered.state is State.QUEUED
    assert fused.told(registered)[-1] in ("command.registered", "command.Queued")
    fused.intent(registered)
    assert (fused.row(registered).state, fused.row(registered).cause) == (then, cause)


@pytest.mark.parametrize("command", ["location", "diagnostics"])
def test_a_read_waits_for_no_lane(fused: CommandEnv, command: str) -> None:
    fused.register("alert")

    assert fused.register(command).state is State.DISPATCHING


def test_what_a_kill_switch_stops_is_not_registered(fused: CommandEnv) -> None:
    fused.administer("switch throw", company="first", reach="actuating", reason="recall")

    assert "kill switch" in fused.refused("lock_door").detail
    assert fused.rows("SELECT count(*) FROM command") == [(0,)]
    assert fused.register("location").state is State.DISPATCHING


def test_what_evidence_contradicts_is_refused_as_ever(fused: CommandEnv) -> None:
    fused.report({"speed": 30.0})

    refused = fused.register("lock_door")

    assert (refused.state, refused.post_code) == (State.REFUSED, 409)
    assert fused.told(refused) == ["command.registered"]


def test_the_lane_slot_is_taken(fused: CommandEnv) -> None:
    first = fused.register("alert")
    waiting = fused.register("lock_door")

    assert fused.rows("SELECT lane_slot FROM open_command WHERE command_id = :id", id=first.id) == [(0,)]
    assert fused.intent(waiting) is None
    assert fused.row(waiting) == waiting
