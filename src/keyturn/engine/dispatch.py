"""Sends Queued commands: reads the vehicle if needed, writes the intent, sends once, records the OEM's answer."""

import asyncio
from collections.abc import Callable
from functools import partial

import msgspec
import structlog

from keyturn.clock import Clock, after, seconds_between
from keyturn.commands.execution import outcome
from keyturn.commands.execution.intent import IntentRules, expire_unsent, hold_back_unsent, write_intent
from keyturn.commands.model import record
from keyturn.commands.model.catalogue import DISABLE, Kind
from keyturn.commands.model.record import Command
from keyturn.commands.model.states import State
from keyturn.commands.preconditions.context import subject_of
from keyturn.commands.preconditions.evaluation import assess
from keyturn.connectors.port import Capabilities, Connector, OutboundCommand, Target
from keyturn.connectors.responses import OemResponse, OutcomeKind
from keyturn.engine.send_guards import SendGuards, store_now
from keyturn.engine.vehicle_reader import VehicleReader
from keyturn.fleet.vehicles import Vehicle
from keyturn.store.background import retry_until_available
from keyturn.store.port import ReadTx, Store, Tx
from keyturn.timekeeping import Moment

log = structlog.get_logger()


class DispatchPlan(msgspec.Struct, frozen=True):
    """What is read before the intent."""

    vehicle: Vehicle
    target: Target
    connector: Connector
    wants_reading: bool
    """The vehicle should be read first."""


class Dispatcher:
    """Sends commands. `sending` holds those between intent and recorded answer."""

    def __init__(
        self, store: Store, clock: Clock, vehicles: VehicleReader, rules: IntentRules, guards: SendGuards
    ) -> None:
        self._store = store
        self._clock = clock
        self._vehicles = vehicles
        self._rules = rules
        self._guards = guards
        self.sending: set[str] = set()

    async def dispatch(self, command: Command) -> Command | None:
        """Send a Queued command whose turn it is, or record why it is not sent now; the row that was written last."""
        if command.not_before is not None:
            await asyncio.sleep(max(0.0, seconds_between(await store_now(self._store), command.not_before)))
        if self._guards.budgets.spent(command.id):
            return await self._store.write(partial(expire_unsent, command_id=command.id))
        plan = await self._store.read(partial(self._plan, command=command))
        if plan is None:
            return await self._store.write(self._intent(command, None))
        if plan.wants_reading:
            await self._vehicles.read(command.vehicle_id)
        if self._waits_for_clock(command) or self._guards.budgets.spent(command.id):
            return None
        if seconds := self._breaker_pause(command, plan):
            until = after(self._clock.now(), seconds)
            return await self._store.write(partial(hold_back_unsent, command_id=command.id, until=until, cause="oem"))
        return await self._send(command, plan)

    def _waits_for_clock(self, command: Command) -> bool:
        """No actuating command is sent while the wall clock is not trusted; restoring ones and reads are."""
        return command.spec.kind is Kind.ACTUATING and self._guards.time.check()

    def _breaker_pause(self, command: Command, plan: DispatchPlan) -> float:
        breaker = self._guards.breakers[plan.vehicle.connector]
        return 0.0 if command.spec.is_restoring else breaker.closed_in()

    async def _send(self, command: Command, plan: DispatchPlan) -> Command | None:
        capabilities, command_id = plan.connector.capabilities, command.id
        window = min(self._rules.send_window, self._guards.budgets.left(command_id))
        boottime = self._clock.boottime()
        self.sending.add(command_id)
        try:
            intent, moment = await self._store.write(self._with_moment(self._intent(command, capabilities)))
            if intent is None:
                return None
            order = outbound(intent, plan.target, boottime + window, moment.ahead)
            return await self._sent(intent, order, plan)
        finally:
            self.sending.discard(command_id)

    async def send_written(self, intent: Command, order: OutboundCommand, plan: DispatchPlan) -> Command | None:
        """Send a command whose intent is durable, and which is in `sending`; the row that was written last."""
        try:
            return await self._sent(intent, order, plan)
        finally:
            self.sending.discard(intent.id)

    async def _sent(self, intent: Command, order: OutboundCommand, plan: DispatchPlan) -> Command | None:
        """Send what has an intent, once, and record the answer."""
        answer = await self._exchanged(order, plan)
        failed = answer.kind is OutcomeKind.UNCLEAR or (answer.kind is OutcomeKind.NOT_TAKEN and answer.temporary)
        self._guards.breakers[plan.vehicle.connector].note(plan.vehicle.id, failed=failed)
        capabilities = plan.connector.capabilities
        apply = partial(outcome.apply_to_sending, sent=intent, answer=answer, capabilities=capabilities)
        recorded = await retry_until_available(partial(self._store.write, apply))
        if recorded is not None and recorded.state is not State.QUEUED:
            self._guards.budgets.forget(intent.id)
        return recorded

    def _intent(self, command: Command, capabilities: Capabilities | None) -> Callable[[Tx], Command | None]:
        return partial(
            write_intent,
            command_id=command.id,
            capabilities=capabilities,
            rules=self._rules,
            waited_until=command.not_before,
        )

    def _with_moment(self, write: Callable[[Tx], Command | None]) -> Callable[[Tx], tuple[Command | None, Moment]]:
        return lambda tx: (write(tx), tx.moment)

    async def _exchanged(self, order: OutboundCommand, plan: DispatchPlan) -> OemResponse:
        """The OEM's answer. Where it took the command and named no operation, the command is looked up by our id."""
        connector = plan.connector
        try:
            answer = await connector.send(order)
            if answer.kind is OutcomeKind.NO_OPERATION and connector.capabilities.finds_by_reference:
                found = await connector.find_by_reference(order.target, order.name, order.command_id)
                return answer if found.kind is OutcomeKind.NOTHING_FOUND else _after(answer, found)
        except Exception:
            log.exception("a connector raised; what it sent may have happened", command_id=order.command_id)
            return OemResponse(OutcomeKind.UNCLEAR)
        return answer

    def _plan(self, tx: ReadTx, command: Command) -> DispatchPlan | None:
        reached = self._vehicles.reach_in(tx, command.vehicle_id, command)
        if reached is None:
            return None
        vehicle, target, connector = reached
        capabilities = connector.capabilities
        wanted = capabilities.reads_state and (
            _wants_vin(command, vehicle, capabilities) or self._wants_reading(tx, command, vehicle, connector)
        )
        return DispatchPlan(vehicle, target, connector, wanted)

    def _wants_reading(self, tx: ReadTx, command: Command, vehicle: Vehicle, connector: Connector) -> bool:
        rows = record.open_of_vehicle(tx, vehicle.id)
        subject = subject_of(command, vehicle, connector.capabilities, rows)
        return assess(tx, subject, self._rules.evidence).wants_reading()


def _after(sent: OemResponse, found: OemResponse) -> OemResponse:
    """`found`, with the record of the sending before its own."""
    sending = (sent.exchange,) if sent.exchange else ()
    return msgspec.structs.replace(found, earlier=(*sent.earlier, *sending, *found.earlier))


def _wants_vin(command: Command, vehicle: Vehicle, capabilities: Capabilities) -> bool:
    """Before the first disable, an OEM that gives VINs is asked which car it is."""
    return command.name == DISABLE and capabilities.reports_vin and vehicle.vin_told_at is None


def outbound(intent: Command, target: Target, send_by_boottime: float, ahead: int) -> OutboundCommand:
    """Its instants are by the wall clock, which is `ahead` microseconds behind the store's time."""
    return OutboundCommand(
        command_id=intent.id,
        name=intent.name,
        target=target,
        send_by=(intent.send_by or 0) - ahead,
        send_by_boottime=send_by_boottime,
        expires_at=(intent.answer_deadline or 0) - ahead,
    )
