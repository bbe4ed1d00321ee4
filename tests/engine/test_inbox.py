"""What an OEM says unasked: taken as an answer to a question is, harmless when it is late, repeated or not ours."""

import asyncio
from typing import Any

import msgspec
import pytest
from verification.simulation.world.loop import VirtualLoop

from keyturn.clock import after
from keyturn.commands.model.record import Command
from keyturn.commands.model.states import State
from keyturn.config.settings import EvidenceSettings
from keyturn.connectors.responses import OemResponse, Operation, OutcomeKind, SignalReading, StateReport
from keyturn.engine.follow import Pause
from keyturn.engine.inbox import ConnectorInbox
from keyturn.fleet.evidence import ReportedState
from tests.support.command_env import OPERATION, PARKED, CommandEnv
from tests.support.enrolment import OTHERS_VIN, VIN

from ..commands.conftest import env as env
from ..commands.conftest import installed as installed

DONE = OemResponse(OutcomeKind.SUCCEEDED)
FAILED = OemResponse(OutcomeKind.FAILED, detail="The vehicle said no.")


def account_of(env: CommandEnv, vin: str = VIN) -> str:
    return str(env.rows("SELECT account_id FROM vehicle WHERE vin = :vin", vin=vin)[0][0])


def inbox(env: CommandEnv, connector: str = "oem", looked_at: list[str] | None = None) -> ConnectorInbox:
    look = (lambda _id: None) if looked_at is None else looked_at.append
    return ConnectorInbox(connector, env.capabilities, env.store, EvidenceSettings(), look)


def push(
    env: CommandEnv, answer: OemResponse, operation: Operation = OPERATION, *, vin: str = VIN, connector: str = "oem"
) -> list[str]:
    """The ids of the commands whose followers were told."""
    looked_at: list[str] = []
    taken_by = inbox(env, connector, looked_at)
    env.run(taken_by.operation_changed(account_of(env, vin), operation, answer))
    return looked_at


def said(env: CommandEnv, age: float, readings: dict[str, Any], **more: Any) -> StateReport:
    """What the vehicle knew `age` seconds ago."""
    at = after(env.clock.now(), -age)
    given = {"reachable": True, "last_contact": at, **more}
    return StateReport({name: SignalReading(value, at, at) for name, value in readings.items()}, **given)


def report(
    env: CommandEnv, told: StateReport, *, vin: str = VIN, external_id: str = VIN, connector: str = "oem"
) -> ReportedState:
    """What is known of the vehicle after the push."""
    env.run(inbox(env, connector).state_reported(account_of(env, vin), external_id, told))
    return env.evidence().report


def state(env: CommandEnv, command: Command) -> State:
    return env.row(command).state


def test_a_result_ends_the_command_and_wakes_its_follower(env: CommandEnv) -> None:
    command = env.accept("lock_door")
    assert push(env, DONE) == [command.id]
    assert state(env, command) is State.EXECUTED
    assert env.told(command)[-1] == "command.Executed"


def test_a_pushed_failure_is_what_an_asked_one_is(env: CommandEnv) -> None:
    command = env.accept("lock_door")
    push(env, FAILED)
    row = env.row(command)
    assert (row.state, row.outcome, row.may_have_executed) == (State.FAILED, "failed", False)


def test_a_repeated_or_contradicting_result_changes_nothing(env: CommandEnv) -> None:
    command = env.accept("lock_door")
    push(env, DONE)
    before = env.row(command)
    assert [push(env, answer) for answer in (DONE, FAILED, DONE)] == [[], [], []]
    assert env.row(command) == before


@pytest.mark.parametrize("verdict", list(OutcomeKind))
def test_while_it_is_being_sent_nothing_is_taken(env: CommandEnv, verdict: OutcomeKind) -> None:
    command = env.send("lock_door")
    push(env, OemResponse(verdict, operation=OPERATION))
    assert env.row(command) == command


@pytest.mark.parametrize(
    "verdict", [OutcomeKind.NOT_TAKEN, OutcomeKind.UNCLEAR, OutcomeKind.NO_OPERATION, OutcomeKind.NOTHING_FOUND]
)
def test_what_is_no_word_on_an_operation_changes_nothing(env: CommandEnv, verdict: OutcomeKind) -> None:
    command = env.accept("lock_door")
    push(env, OemResponse(verdict, temporary=True))
    assert env.row(command) == command


def test_the_operation_of_another_account_is_not_touched(env: CommandEnv) -> None:
    command = env.accept("lock_door")
    assert push(env, FAILED, vin=OTHERS_VIN) == []
    assert env.row(command) == command


def test_an_account_of_another_connector_is_not_touched(env: CommandEnv) -> None:
    command = env.accept("lock_door")
    assert push(env, FAILED, connector="relay") == []
    assert env.row(command) == command


@pytest.mark.parametrize(
    ("operation", "is_it"),
    [
        (Operation(id="op-1", url="https://oem.example/elsewhere"), True),
        (Operation(id="op-2", url="https://oem.example/op-1"), False),
        (Operation(url="https://oem.example/op-1"), True),
        (Operation(), False),
    ],
)
def test_an_operation_is_known_by_its_id_and_else_by_its_url(
    env: CommandEnv, operation: Operation, is_it: bool
) -> None:
    known = Operation("op-1", "https://oem.example/op-1")
    command = env.send("lock_door")
    env.respond(command, OutcomeKind.IN_PROGRESS, operation=known)
    assert push(env, DONE, operation) == ([command.id] if is_it else [])


def test_commands_that_share_an_operation_are_asked_about_instead(env: CommandEnv) -> None:
    first = env.accept("location")
    second = env.accept("diagnostics")
    assert sorted(push(env, DONE)) == sorted([first.id, second.id])
    assert (state(env, first), state(env, second)) == (State.ACCEPTED, State.ACCEPTED)


def test_a_state_report_is_kept_as_a_read_one(env: CommandEnv) -> None:
    known = report(env, said(env, 1, PARKED))
    assert {name: signal.value for name, signal in known.signals.items()} == PARKED
    assert known.reachable is True
    assert known.signals["speed"].source == "oem"


def test_a_late_report_does_not_overwrite_a_newer_one(env: CommandEnv) -> None:
    late = said(env, 60, {"speed": 40.0}, reachable=True)
    before = report(env, said(env, 1, {"speed": 0.0}, reachable=False))
    env.clock.advance(5)
    assert report(env, late) == before


def test_a_repeated_report_is_no_younger_than_it_was(env: CommandEnv) -> None:
    told = said(env, 1, {"speed": 0.0})
    before = report(env, told)
    env.clock.advance(300)
    again = report(env, told)
    assert (again.reachable, again.reachable_at) == (before.reachable, before.reachable_at)
    assert again.signals["speed"].as_of == before.signals["speed"].as_of


def test_a_vehicle_that_was_heard_of_an_hour_ago_is_not_reachable_now(env: CommandEnv) -> None:
    assert report(env, said(env, 3_600, {})).reachable_at == after(env.clock.now(), -3_600)


def test_a_vehicle_is_lost_after_its_last_contact(env: CommandEnv) -> None:
    there, lost = said(env, 1, {}), said(env, 1, {}, reachable=False)
    assert [report(env, told).reachable for told in (there, lost, there, lost)] == [True, False, False, False]
    env.clock.advance(10)
    assert [report(env, told).reachable for told in (said(env, 1, {}), lost)] == [True, True]


def test_what_the_source_does_not_date_is_left_aside(env: CommandEnv) -> None:
    before = report(env, said(env, 1, {"speed": 40.0, "hood_status": "open"}))
    readings = {
        "speed": SignalReading(0.0),
        "hood_status": SignalReading(None, why="flagged"),
        "fuel_level": SignalReading(50.0),
    }
    assert report(env, StateReport(readings, True)) == before


@pytest.mark.parametrize(
    "wrong",
    [{"external_id": "another"}, {"vin": OTHERS_VIN}, {"connector": "relay"}],
    ids=lambda wrong: next(iter(wrong)),
)
def test_a_vehicle_that_is_not_known_there_is_left_aside(env: CommandEnv, wrong: dict[str, str]) -> None:
    assert report(env, said(env, 1, PARKED), **wrong) == ReportedState()


def test_an_account_that_is_not_known_raises_nothing(env: CommandEnv) -> None:
    env.run(inbox(env).operation_changed("nobody", OPERATION, DONE))
    env.run(inbox(env).state_reported("nobody", VIN, said(env, 1, PARKED)))


def test_nothing_is_kept_of_a_connector_that_declares_no_state(env: CommandEnv) -> None:
    env.behind(reads_state=False)
    assert report(env, said(env, 1, PARKED)) == ReportedState()


def test_a_pushed_vin_raises_a_doubt_and_ends_none(env: CommandEnv) -> None:
    told = said(env, 1, {})
    report(env, msgspec.structs.replace(told, vin=VIN))
    assert env.vehicle().vin_told_at is None
    report(env, msgspec.structs.replace(told, vin=OTHERS_VIN))
    assert env.vehicle().doubt == "vin"
    report(env, msgspec.structs.replace(told, vin=VIN))
    assert env.vehicle().doubt == "vin"


@pytest.mark.parametrize(("cut_at", "slept"), [(None, 10.0), (3.0, 3.0), (0.0, 0.0)])
def test_a_pause_can_be_cut_short_once(cut_at: float | None, slept: float) -> None:
    loop = VirtualLoop(None)

    async def sleep() -> tuple[float, float]:
        pause, began = Pause(), loop.time()
        if cut_at == 0.0:
            pause.cut()
        elif cut_at is not None:
            loop.call_later(cut_at, pause.cut)
        await pause.sleep(10.0)
        first = loop.time() - began
        await pause.sleep(10.0)
        return first, loop.time() - began - first

    found = loop.run_until_complete(asyncio.wait_for(sleep(), 100.0))
    loop.close()
    assert list(found) == pytest.approx([slept, 10.0])
