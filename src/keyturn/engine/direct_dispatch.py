"""Writes the intent of a command in the transaction that registers it, where nothing keeps it from being sent now."""

from functools import partial

from keyturn.clock import Clock, seconds_between
from keyturn.commands.admission.registration import NewCommand
from keyturn.commands.execution.intent import IntentRules, register_with_intent
from keyturn.commands.model.catalogue import Kind
from keyturn.commands.model.record import Command
from keyturn.engine.dispatch import Dispatcher, DispatchPlan, outbound
from keyturn.engine.engine import Engine
from keyturn.engine.send_guards import SendGuards
from keyturn.engine.vehicle_reader import VehicleReader
from keyturn.store.port import Tx


class DirectDispatch:
    """A `RegisterWithIntent`: begins the sending once the transaction is durable, and at no other time.

    Its guards are those of `Dispatcher.dispatch`. What one of them holds up is registered Queued, and waits there.
    """

    def __init__(
        self,
        engine: Engine,
        dispatcher: Dispatcher,
        vehicles: VehicleReader,
        rules: IntentRules,
        guards: SendGuards,
        clock: Clock,
    ) -> None:
        self._engine = engine
        self._dispatcher = dispatcher
        self._vehicles = vehicles
        self._rules = rules
        self._guards = guards
        self._clock = clock

    def __call__(self, tx: Tx, new: NewCommand) -> Command | None:
        plan = None if self._is_held_up(new) else self._plan(tx, new)
        if plan is None:
            return None
        boottime = self._clock.boottime()
        intent = register_with_intent(tx, new, self._rules)
        if intent is not None:
            window = min(self._rules.send_window, seconds_between(tx.now, intent.send_deadline or 0))
            order = outbound(intent, plan.target, boottime + window, tx.moment.ahead)
            step = partial(self._dispatcher.send_written, order=order, plan=plan)
            self._dispatcher.sending.add(intent.id)

            def on_outcome(durable: bool) -> None:
                if durable:
                    self._engine.run_written(intent, step)
                else:
                    self._dispatcher.sending.discard(intent.id)

            tx.on_outcome(on_outcome)
        return intent

    def _is_held_up(self, new: NewCommand) -> bool:
        """The node stops, the OEM's breaker is not closed, or the command acts and the clock was set.

        The transaction has just read the clocks, for its own instant.
        """
        breaker = self._guards.breakers.get(new.subject.vehicle.connector)
        waits_for_clock = new.subject.spec.kind is Kind.ACTUATING and self._guards.time.fault
        return self._engine.draining or breaker is None or not breaker.closed or waits_for_clock

    def _plan(self, tx: Tx, new: NewCommand) -> DispatchPlan | None:
        vehicle = new.subject.vehicle
        connector, target = self._vehicles.connector(vehicle), self._vehicles.target_of(tx, vehicle)
        if connector is None or target is None:
            return None
        return DispatchPlan(vehicle, target, connector, wants_reading=False)
