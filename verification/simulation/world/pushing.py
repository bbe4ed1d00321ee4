"""Pushes of the model OEM: early or late, repeated, and sometimes in the name of another account."""

import asyncio
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

from keyturn.connectors.port import Capabilities, Inbox
from keyturn.connectors.responses import OemResponse, Operation, OutcomeKind, SignalReading, StateReport
from keyturn.store.port import StoreUnavailable
from verification.simulation.world.installation import BY_ACCOUNT, BY_VIN
from verification.simulation.world.oem import Cloud, Work
from verification.simulation.world.vehicle_model import VehicleModel

_PACES = (0.3, 2.0, 10.0)
"""Mean seconds between two pushes."""
_LATE = (0.0, 0.0, 1.0, 30.0)
"""Seconds at most between what was true and its arrival."""
_FALSE: dict[str, Any] = {"speed": 60.0, "system_power_mode": "on", "doors_locked": True, "ignition_disabled": False}
"""A false report about a vehicle, in the name of an account that is not its own; it must be ignored."""

Push = Callable[[], Awaitable[None]]


def draw_pushes(seed: int) -> float | None:
    """The pace of a scenario; None: nothing is pushed. From a stream of its own, so that no other draw changes."""
    chance = Random(f"pushes {seed}")
    return chance.choice(_PACES) if chance.random() < 0.15 else None


class Pusher:
    """One connector's pushes into `inbox`, until the scenario calms down. It ends with the node that starts it."""

    def __init__(self, cloud: Cloud, capabilities: Capabilities, inbox: Inbox, pace: float, chance: Random) -> None:
        self._cloud = cloud
        self._capabilities = capabilities
        self._inbox = inbox
        self._pace = pace
        self._chance = chance

    async def run(self) -> None:
        """Push now and then."""
        while not self._cloud.faults.calm:
            await asyncio.sleep(self._chance.expovariate(1 / self._pace))
            push = self._operation_changed() if self._chance.random() < 0.6 else self._state()
            if push is not None:
                self._spawn(push, "pushed")
                if self._chance.random() < 0.3:
                    self._spawn(push, "pushed again")

    def _spawn(self, push: Push, what: str) -> None:
        self._cloud.faults.count(what)
        asyncio.get_running_loop().create_task(self._deliver(push, self._chance.choice(_LATE) * self._chance.random()))

    async def _deliver(self, push: Push, seconds: float) -> None:
        await asyncio.sleep(seconds)
        try:
            await push()
        except StoreUnavailable:
            self._cloud.faults.count("push lost")

    def _operation_changed(self) -> Push | None:
        """Of one of the newest operations, as it is now."""
        works = [work for works in self._cloud.works.values() for work in works][-6:]
        if not works:
            return None
        work = self._chance.choice(works)
        account, answer = work.order.target.account.id, self._cloud.status_of(work)
        if self._chance.random() < 0.2:
            account, answer = self._other(account), self._contrary(work)
        return lambda: self._inbox.operation_changed(account, Operation(work.id), answer)

    def _contrary(self, work: Work) -> OemResponse:
        response = None if work.response is None else work.response.kind
        return OemResponse(OutcomeKind.FAILED if response is OutcomeKind.SUCCEEDED else OutcomeKind.SUCCEEDED)

    def _state(self) -> Push | None:
        """The state of one of the vehicles, now or at its last contact."""
        vin = self._chance.choice([vin for vin in self._cloud.cars if vin in BY_VIN])
        car, account = self._cloud.cars[vin], BY_VIN[vin].account
        report = self._report(car)
        if self._chance.random() < 0.2:
            account, report = self._other(account), _misleading(report)
        return lambda: self._inbox.state_reported(account, vin, report)

    def _report(self, car: VehicleModel) -> StateReport:
        if car.reachable:
            car.last_contact = self._cloud.clock.true()
        at = car.last_contact
        readings = {
            name: SignalReading(value, car.since(name) if car.since(name) <= at else None, at)
            for name, value in car.values_at(at).items()
        }
        return StateReport(readings, car.reachable, at, vin=car.vin if self._capabilities.reports_vin else None)

    def _other(self, account: str) -> str:
        self._cloud.faults.count("pushed for another account")
        return self._chance.choice([other for other in BY_ACCOUNT if other != account])


def _misleading(report: StateReport) -> StateReport:
    at = report.last_contact
    return StateReport(
        {name: SignalReading(value, at, at) for name, value in _FALSE.items()}, reachable=True, last_contact=at
    )
