"""Whatever is asked, sent, answered and lost in whatever order: the lane does what the model does."""

from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from keyturn.clock import after
from keyturn.commands.model import record
from keyturn.commands.model.states import LIVE, State
from keyturn.connectors.responses import OutcomeKind
from keyturn.store.port import Tx
from tests.support.command_env import OPERATION, CommandEnv, not_none

from .lane_model import LaneModel, Modelled

NAMES = ["start", "cancel_start", "alert", "cancel_alert", "lock_door", "unlock_door", "location"]
ANSWERS = [
    OutcomeKind.IN_PROGRESS,
    OutcomeKind.SUCCEEDED,
    OutcomeKind.FAILED,
    OutcomeKind.UNCLEAR,
    OutcomeKind.NOT_TAKEN,
]
CANCELS = {"cancel_start": "start", "cancel_alert": "alert"}


def forget(tx: Tx) -> None:
    for table in ("open_command", "command", "vehicle_evidence"):
        tx.run(f"DELETE FROM {table}")


class Lane(RuleBasedStateMachine):
    env: CommandEnv

    def __init__(self) -> None:
        super().__init__()
        self.env.do(forget)
        self.model = LaneModel()
        self.began_at = self.env.clock.now()

    @rule(name=st.sampled_from(NAMES))
    def ask(self, name: str) -> None:
        joined, refused = self.model.joined(name), self.model.refuses(name)
        command = self.env.row(str(not_none(self.env.ask(name).answer).body["id"]))
        if joined is not None:
            assert command.id == joined.id
        elif refused:
            assert command.state is State.REFUSED
        else:
            assert command.state is State.QUEUED
            assert command.id not in self.model.commands
            self.model.register(command.id, name)

    @precondition(lambda self: self.among(State.QUEUED))
    @rule(data=st.data())
    def send(self, data: Any) -> None:
        command = data.draw(st.sampled_from(self.among(State.QUEUED)))
        expected = self.model.may_be_sent(command)
        sent = self.env.intent(self.env.row(command.id))
        if expected:
            self.model.send(command)
        assert (sent is not None) is (expected and command.state is State.DISPATCHING)

    @precondition(lambda self: self.among(State.DISPATCHING, State.ACCEPTED, State.UNKNOWN))
    @rule(data=st.data(), verdict=st.sampled_from(ANSWERS))
    def answer(self, data: Any, verdict: OutcomeKind) -> None:
        command = data.draw(st.sampled_from(self.among(State.DISPATCHING, State.ACCEPTED, State.UNKNOWN)))
        self.env.respond(self.env.row(command.id), verdict, temporary=True, operation=OPERATION)
        self.model.respond(command, verdict)

    @rule(seconds=st.sampled_from([0.5, 4.0, 35.0, 61.0, 300.0]))
    def wait(self, seconds: float) -> None:
        self.env.clock.advance(seconds)
        self.model.move(seconds)
        for _ in range(2):  # a sending that is given up lapses again at its answer deadline
            for row in self.env.see(record.open_due, 100, 30.0):
                self.env.lapse(self.env.row(row.command_id))

    @invariant()
    def every_state_and_deadline_is_the_models(self) -> None:
        rows = {command_id: row for command_id, *row in self.env.rows("SELECT id, state, send_deadline FROM command")}
        for command in self.model.commands.values():
            assert rows[command.id] == [command.state, after(self.began_at, command.send_deadline)]

    @invariant()
    def the_lane_holds_one_or_a_cancel_with_what_it_cancels(self) -> None:
        sql = "SELECT name, state FROM command WHERE state IN ('Dispatching', 'Accepted') ORDER BY lane_number"
        holders = [(name, state) for name, state in self.env.rows(sql) if name != "location"]
        if len(holders) > 1:
            (target, state), (cancel, _) = holders
            assert (CANCELS.get(cancel), state) == (target, "Accepted")

    @invariant()
    def open_rows_are_those_of_live_commands(self) -> None:
        sql = "SELECT o.command_id, o.state, c.state FROM open_command o JOIN command c ON c.id = o.command_id"
        rows = self.env.rows(sql)
        assert all(opened == state for _, opened, state in rows)
        live = {command.id for command in self.model.commands.values() if command.state in LIVE}
        assert live <= {command_id for command_id, _, _ in rows}

    def among(self, *states: State) -> list[Modelled]:
        return [command for command in self.model.commands.values() if command.state in states]


@pytest.fixture
def machine(env: CommandEnv) -> type[Lane]:
    env.behind(initiate_wait=0.0)
    return type("LaneOfEnv", (Lane,), {"env": env})


def test_the_lane_does_what_the_model_does(machine: type[Lane]) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=12,
            stateful_step_count=30,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
