"""The answer to one sending is never taken for the answer to the next, whoever records it and how often."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import pytest

from keyturn.commands.admission.service import end_of_wait
from keyturn.commands.execution import outcome
from keyturn.commands.execution.intent import write_intent
from keyturn.commands.model.record import Command
from keyturn.commands.model.states import State
from keyturn.connectors.port import Account, Capabilities, OutboundCommand, Target
from keyturn.connectors.responses import OemResponse, OutcomeKind
from keyturn.engine.dispatch import Dispatcher
from keyturn.engine.send_guards import Breaker, SendBudgets, SendGuards
from keyturn.engine.vehicle_reader import VehicleReader
from keyturn.fleet.vehicles import Vehicle
from keyturn.store.port import ReadTx, Store, StoreUnavailable, Tx
from keyturn.timekeeping import Timekeeper
from tests.support.command_env import CommandEnv, not_none

T = TypeVar("T")
REFUSED_FOR_NOW = OemResponse(OutcomeKind.NOT_TAKEN, temporary=True)


def settled(env: CommandEnv, command: Command) -> Command:
    """Nobody waits for its first answer any more: it is tried again until its deadline."""
    return not_none(env.do(end_of_wait, command.id))


@pytest.mark.parametrize("sent_at", [0.0, 57.0])
def test_an_answer_recorded_again_changes_nothing(env: CommandEnv, sent_at: float) -> None:
    """Late, both intents have the same `send_by`: the deadline."""
    command = settled(env, env.register("lock_door"))
    env.clock.advance(sent_at)
    first = not_none(env.intent(command))
    assert env.do(outcome.apply_to_sending, first, REFUSED_FOR_NOW, env.capabilities) is not None
    env.clock.advance(0.5)
    second = not_none(env.intent(command))
    if sent_at:
        assert second.send_by == first.send_by

    assert env.do(outcome.apply_to_sending, first, REFUSED_FOR_NOW, env.capabilities) is None

    assert env.row(command) == second


def test_the_answer_still_resolves_what_others_called_unknown_meanwhile(env: CommandEnv) -> None:
    sent = env.send("lock_door")
    env.clock.advance(36)
    assert not_none(env.lapse(sent)).state is State.UNKNOWN

    done = not_none(env.do(outcome.apply_to_sending, sent, OemResponse(OutcomeKind.SUCCEEDED), env.capabilities))

    assert done.state is State.EXECUTED


class DoubtfulStore:
    """Keeps the first answer, says that it does not know, and another node sends again before it is asked again."""

    def __init__(self, store: Store, meanwhile: Callable[[], Any]) -> None:
        self._store = store
        self._meanwhile = meanwhile
        self._writes = 0

    async def write(self, work: Callable[[Tx], T]) -> T:
        self._writes += 1
        result = await self._store.write(work)
        if self._writes == 2:  # the first wrote the intent
            await self._meanwhile()
            raise StoreUnavailable("commit failed, or not")
        return result

    async def read(self, work: Callable[[ReadTx], T]) -> T:
        return await self._store.read(work)

    async def close(self) -> None:
        """The environment's."""


class Refusing:
    """An OEM that takes nothing for now."""

    def __init__(self, capabilities: Capabilities) -> None:
        self.capabilities = capabilities

    async def send(self, _order: OutboundCommand) -> OemResponse:
        return REFUSED_FOR_NOW


class OneVehicle:
    def __init__(self, vehicle: Vehicle, connector: Refusing) -> None:
        self._reached = vehicle, Target(Account("account", {}), vehicle.vin, vehicle.external_id), connector

    def reach_in(self, _tx: ReadTx, _vehicle_id: str, _command: object = None) -> tuple[Vehicle, Target, Refusing]:
        return self._reached

    async def read(self, _vehicle_id: str) -> None:
        """Nothing is heard."""


def test_a_node_that_records_its_answer_again_leaves_the_sending_of_another_alone(env: CommandEnv) -> None:
    command = settled(env, env.register("lock_door"))
    sendings: list[Command] = []

    async def another_sends() -> None:
        env.clock.advance(0.5)
        intent = await env.store.write(lambda tx: write_intent(tx, command.id, env.capabilities, env.rules))
        sendings.append(not_none(intent))

    vehicle, connector = env.vehicle(), Refusing(env.capabilities)
    dispatcher = Dispatcher(
        cast("Store", DoubtfulStore(env.store, another_sends)),
        env.clock,
        cast("VehicleReader", OneVehicle(vehicle, connector)),
        env.rules,
        SendGuards(
            Timekeeper(env.clock, 2.0), SendBudgets(env.clock), {vehicle.connector: Breaker(env.clock, 5, 10.0)}
        ),
    )

    env.run(dispatcher.dispatch(command))

    assert [env.row(command)] == sendings
