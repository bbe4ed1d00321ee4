"""The answer to one sending is never taken for the answer to the next, whoever records it and how often."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import pytest

from keyturn.commands import outcome
from keyturn.commands.desk import end_of_wait
from keyturn.commands.intent import write_intent
from keyturn.commands.record import Command
from keyturn.commands.states import State
from keyturn.connectors.port import Account, Declarations, OemAnswer, Order, Target, Verdict
from keyturn.engine.breaker import Breaker
from keyturn.engine.clock_watch import Budgets
from keyturn.engine.dispatch import Dispatcher, Guards
from keyturn.engine.vehicles import Vehicles
from keyturn.fleet.vehicles import Vehicle
from keyturn.store.port import ReadTx, Store, StoreUnavailable, Tx
from keyturn.timekeeping import Timekeeper

from .yard import Yard, sure

T = TypeVar("T")
REFUSED_FOR_NOW = OemAnswer(Verdict.NOT_TAKEN, temporary=True)


def settled(yard: Yard, command: Command) -> Command:
    """Nobody waits for its first answer any more: it is tried again until its deadline."""
    return sure(yard.do(end_of_wait, command.id))


@pytest.mark.parametrize("sent_at", [0.0, 57.0])
def test_an_answer_recorded_again_changes_nothing(yard: Yard, sent_at: float) -> None:
    """Late, both intents have the same `send_by`: the deadline."""
    command = settled(yard, yard.register("lock_door"))
    yard.clock.advance(sent_at)
    first = sure(yard.intent(command))
    assert yard.do(outcome.apply_to_sending, first, REFUSED_FOR_NOW, yard.declares) is not None
    yard.clock.advance(0.5)
    second = sure(yard.intent(command))
    if sent_at:
        assert second.send_by == first.send_by

    assert yard.do(outcome.apply_to_sending, first, REFUSED_FOR_NOW, yard.declares) is None

    assert yard.row(command) == second


def test_the_answer_still_resolves_what_others_called_unknown_meanwhile(yard: Yard) -> None:
    sent = yard.send("lock_door")
    yard.clock.advance(36)
    assert sure(yard.lapse(sent)).state is State.UNKNOWN

    done = sure(yard.do(outcome.apply_to_sending, sent, OemAnswer(Verdict.SUCCEEDED), yard.declares))

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
        """The yard's."""


class Refusing:
    """An OEM that takes nothing for now."""

    def __init__(self, declares: Declarations) -> None:
        self.declares = declares

    async def send(self, _order: Order) -> OemAnswer:
        return REFUSED_FOR_NOW


class OneVehicle:
    def __init__(self, vehicle: Vehicle, connector: Refusing) -> None:
        self._reached = vehicle, Target(Account("account", {}), vehicle.vin, vehicle.external_id), connector

    def reach_in(self, _tx: ReadTx, _vehicle_id: str, _command: object = None) -> tuple[Vehicle, Target, Refusing]:
        return self._reached

    async def read(self, _vehicle_id: str) -> None:
        """Nothing is heard."""


def test_a_node_that_records_its_answer_again_leaves_the_sending_of_another_alone(yard: Yard) -> None:
    command = settled(yard, yard.register("lock_door"))
    sendings: list[Command] = []

    async def another_sends() -> None:
        yard.clock.advance(0.5)
        intent = await yard.store.write(lambda tx: write_intent(tx, command.id, yard.declares, yard.rules))
        sendings.append(sure(intent))

    vehicle, connector = yard.vehicle(), Refusing(yard.declares)
    dispatcher = Dispatcher(
        DoubtfulStore(yard.store, another_sends),
        yard.clock,
        cast("Vehicles", OneVehicle(vehicle, connector)),
        yard.rules,
        Guards(Timekeeper(yard.clock, 2.0), Budgets(yard.clock), {vehicle.connector: Breaker(yard.clock, 5, 10.0)}),
    )

    yard.run(dispatcher.dispatch(command))

    assert [yard.row(command)] == sendings
