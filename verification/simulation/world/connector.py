"""The connector port to the model OEM, with every fault that a network and a cloud can have."""

import asyncio
from collections.abc import Callable
from random import Random

import msgspec

from keyturn.clock import Clock, after
from keyturn.connectors.port import Capabilities, Inbox, OutboundCommand, Target
from keyturn.connectors.responses import (
    LoggedRequest,
    OemResponse,
    Operation,
    OutcomeKind,
    SignalReading,
    StateReadResult,
    StateReport,
)
from verification.simulation.world.oem import Cloud, Sending, Work
from verification.simulation.world.pushing import Pusher
from verification.simulation.world.vehicle_model import VehicleModel

TIMEOUT = 10.0
"""Seconds for an answer after the first byte."""
_UNCLEAR = OemResponse(OutcomeKind.UNCLEAR)
_NOTHING = OemResponse(OutcomeKind.NOTHING_FOUND)
_NOT_TAKEN: dict[str, OemResponse] = {
    "lost before the OEM had it": _UNCLEAR,
    "refused for now": OemResponse(OutcomeKind.NOT_TAKEN, temporary=True),
    "refused for good": OemResponse(OutcomeKind.NOT_TAKEN),
    "2xx without operation, not taken": OemResponse(OutcomeKind.NO_OPERATION),
}
"""What is answered where the OEM did not take it."""
_PAUSES = (None, None, 3.0, 12.0, 70.0)
"""Seconds of `Retry-After` in a temporary refusal: shorter and longer than a POST waits, and too long."""
_TAKEN: dict[str, OemResponse] = {
    "lost after the OEM had it": _UNCLEAR,
    "2xx without operation, taken": OemResponse(OutcomeKind.NO_OPERATION),
}


class ConnectorRaised(RuntimeError):
    """A connector with a defect."""


class ModelConnector:
    """One node's connector to `cloud`; `node` names the node in the ledger, `time` is its clock."""

    def __init__(
        self,
        cloud: Cloud,
        capabilities: Capabilities,
        node: str,
        time: Clock,
        *,
        honours_expiry: bool,
        pushes: tuple[float, Random] | None = None,
    ) -> None:
        """`pushes`: the pace of its pushes, and the chance that decides what they are."""
        self._cloud = cloud
        self._capabilities = capabilities
        self._node = node
        self._time = time
        self._honours_expiry = honours_expiry
        self._pushes = pushes

    @property
    def capabilities(self) -> Capabilities:
        return self._capabilities

    async def start(self, inbox: Inbox) -> None:
        if self._pushes is not None:
            pusher = Pusher(self._cloud, self._capabilities, inbox, *self._pushes)
            asyncio.get_running_loop().create_task(pusher.run())

    async def send(self, order: OutboundCommand) -> OemResponse:
        clock, fault = self._time, self._cloud.faults.draw("connect")
        await asyncio.sleep(self._cloud.latency() + (8.0 * self._chance() if fault == "slow connection" else 0.0))
        if fault == "connection refused":
            return OemResponse(OutcomeKind.NOT_TAKEN, temporary=True)
        if clock.now() > order.send_by or clock.boottime() > order.send_by_boottime:
            return OemResponse(OutcomeKind.NOT_TAKEN, temporary=True)
        sending = Sending(order, self._node, clock.now(), clock.monotonic(), clock.boottime(), self._cloud.clock.true())
        self._cloud.sendings.append(sending)
        self._cloud.on_sending(len(self._cloud.sendings))
        sending.answer = await self._exchanged(order)
        return sending.answer

    async def get_status(self, target: Target, name: str, operation: Operation) -> OemResponse:
        fault = self._cloud.faults.draw("ask")
        await self._slept(slow=fault == "slow answer")
        found = [work for works in self._cloud.works.values() for work in works if work.id == operation.id]
        if fault == "question lost" or not found:
            asked = _brought_nothing("the operation", self._cloud.clock.now(), None if found else 404)
            return OemResponse(OutcomeKind.NOTHING_FOUND, asked)
        if fault == "in progress again":
            return OemResponse(OutcomeKind.IN_PROGRESS, operation=operation)
        return self._cloud.status_of(found[0])

    async def find_by_reference(self, target: Target, name: str, command_id: str) -> OemResponse:
        fault = self._cloud.faults.draw("look up")
        await self._slept(slow=fault == "slow look-up")
        works = self._cloud.works.get(command_id)
        if not works or fault == "look-up finds nothing" or not self._capabilities.finds_by_reference:
            return _NOTHING
        return self._cloud.status_of(works[-1])

    async def cancel(self, target: Target, operation: Operation) -> OemResponse:
        await self._slept()
        found = [work for works in self._cloud.works.values() for work in works if work.id == operation.id]
        if self._cloud.faults.draw("cancel") or not found or found[0].over:
            return _NOTHING
        found[0].over, found[0].response = True, OemResponse(OutcomeKind.FAILED, cancelled=True)
        return self._cloud.status_of(found[0])

    async def read_state(self, target: Target) -> StateReadResult:
        asked_at = self._cloud.clock.now()
        report = await self._state(target)
        return StateReadResult(report, None if report else _brought_nothing("the state", asked_at, 403))

    async def _state(self, target: Target) -> StateReport | None:
        fault = self._cloud.faults.draw("state")
        await self._slept(slow=fault == "slow state")
        car, now = self._cloud.cars[target.external_id], self._cloud.clock.true()
        if fault == "no state":
            return None
        if car.reachable:
            car.last_contact = now
        as_of = after(car.last_contact, -self._chance() * (3600 if fault == "old state" else 1.0))
        vin = car.vin if self._capabilities.reports_vin else None
        response = StateReport(self._readings(car, as_of), car.reachable, car.last_contact, vin=vin)
        await self._slept()
        return _SPOILT[fault](response) if fault in _SPOILT else response

    async def close(self) -> None:
        """There is nothing to let go of."""

    async def _exchanged(self, order: OutboundCommand) -> OemResponse:
        fault = self._cloud.faults.draw("send")
        response: asyncio.Future[OemResponse] = asyncio.get_running_loop().create_future()
        self._cloud.later(self._cloud.latency(), self._arrive, order, fault, response)
        if fault == "delivered late":
            return _UNCLEAR
        try:
            async with asyncio.timeout(TIMEOUT):
                answer = await response
        except TimeoutError:
            return _UNCLEAR
        await self._slept()
        return answer

    def _arrive(self, order: OutboundCommand, fault: str | None, response: "asyncio.Future[OemResponse]") -> None:
        """The request is at the OEM, or where it would have been."""
        if fault == "delivered late":
            self._cloud.later(10 * self._chance(), self._take, order)
        elif fault in _NOT_TAKEN:
            pause = _PAUSES[int(order.command_id[-4:], 16) % len(_PAUSES)] if fault == "refused for now" else None
            _give(response, msgspec.structs.replace(_NOT_TAKEN[fault], retry_after=pause))
        elif fault != "no answer, not taken":
            work = self._take(order)
            if fault == "connector raises":
                response.set_exception(ConnectorRaised("as planned"))
            elif fault == "answered at once":
                self._cloud.later(1.0, self._give_status, work, response)
            elif fault != "no answer, taken":
                _give(response, _TAKEN.get(fault or "") or self._cloud.status_of(work))

    def _take(self, order: OutboundCommand) -> Work:
        return self._cloud.take(
            order, enforces=self._capabilities.enforces_preconditions, honours_expiry=self._honours_expiry
        )

    def _give_status(self, work: Work, response: "asyncio.Future[OemResponse]") -> None:
        _give(response, self._cloud.status_of(work))

    def _readings(self, car: VehicleModel, as_of: int) -> dict[str, SignalReading]:
        values = car.values_at(as_of)
        return {
            name: SignalReading(value, car.since(name) if car.since(name) <= as_of else None, as_of)
            for name, value in values.items()
        }

    async def _slept(self, *, slow: bool = False) -> None:
        await asyncio.sleep(self._cloud.latency() + (5.0 * self._chance() if slow else 0.0))

    def _chance(self) -> float:
        return self._cloud.faults.chance.random()


def _brought_nothing(request: str, at: int, status: int | None) -> LoggedRequest:
    return LoggedRequest(request, at, 0.0, status, problem="nothing")


def _give(response: "asyncio.Future[OemResponse]", answer: OemResponse) -> None:
    if not response.done():
        response.set_result(answer)


def _changed(response: StateReport, change: Callable[[int, SignalReading], SignalReading | None]) -> StateReport:
    changed = {name: change(place, reading) for place, (name, reading) in enumerate(response.readings.items())}
    return msgspec.structs.replace(response, readings={name: r for name, r in changed.items() if r is not None})


_A_DAY = 86_400.0
"""Further ahead than any reading is old: an hour would make an hour-old one look new."""
_SPOILT: dict[str, Callable[[StateReport], StateReport]] = {
    "signals missing": lambda response: _changed(response, lambda place, r: r if place % 3 else None),
    "signals null": lambda response: _changed(
        response, lambda place, r: r if place % 3 else SignalReading(None, None, r.as_of)
    ),
    "times missing": lambda response: StateReport(
        {name: SignalReading(r.value) for name, r in response.readings.items()}, response.reachable, None
    ),
    "times in the future": lambda response: _changed(
        response, lambda _place, r: SignalReading(r.value, r.observed_at, after(r.as_of or 0, _A_DAY))
    ),
}
