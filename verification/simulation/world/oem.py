"""A model OEM behind the connector port: it owns the vehicles, keeps a ledger of what they did, and knows the truth."""

from collections.abc import Callable, Mapping
from contextvars import Context
from dataclasses import dataclass, field
from typing import Any

import msgspec

from keyturn.clock import SECOND, after
from keyturn.connectors.port import OutboundCommand
from keyturn.connectors.responses import OemResponse, Operation, OutcomeKind
from verification.results import READS
from verification.simulation.world.clock import VirtualClock
from verification.simulation.world.faults import LIES, Faults
from verification.simulation.world.loop import VirtualLoop
from verification.simulation.world.vehicle_model import VehicleModel

_RETRY = 4.0
"""Seconds between two tries to reach a vehicle that is out of coverage."""
_TRIES = 40
_SOMEWHERE = {"latitude": -23.5, "longitude": -46.6}


@dataclass
class Sending:
    """A request whose first byte left a connector."""

    order: OutboundCommand
    node: str
    at: int
    """By the node's wall clock."""
    monotonic: float
    boottime: float
    true: int
    row: Mapping[str, Any] | None = None
    """What was durable at that moment."""
    answer: OemResponse | None = None
    """What the connector made of it; None: its node was dead by then."""


@dataclass(frozen=True)
class Actuation:
    """The vehicle did something for us; `at` is the true instant."""

    vin: str
    name: str
    ref: str
    at: int


@dataclass
class Work:
    """An operation at the OEM."""

    id: str
    order: OutboundCommand
    car: VehicleModel
    fault: str | None
    response: OemResponse | None = None
    """Its final response."""
    over: bool = False
    visible_from: int = 0
    tries: int = 0


@dataclass
class Cloud:
    """The OEM. What it does goes on whatever becomes of the nodes."""

    loop: VirtualLoop
    clock: VirtualClock
    faults: Faults
    world: Context
    cars: dict[str, VehicleModel]
    sendings: list[Sending] = field(default_factory=list)
    ledger: list[Actuation] = field(default_factory=list)
    works: dict[str, list[Work]] = field(default_factory=dict)
    """By our reference."""
    lied: set[str] = field(default_factory=set)
    on_sending: Callable[[int], None] = lambda _count: None
    on_actuation: Callable[[Actuation], None] = lambda _actuation: None

    def later(self, seconds: float, do: Callable[..., object], *args: object) -> None:
        self.loop.call_later(seconds, do, *args, context=self.world)

    def latency(self) -> float:
        """Seconds: mostly short, sometimes not."""
        number = self.faults.chance.random()
        return number * (0.3 if number < 0.8 else 4.0)

    def take(self, order: OutboundCommand, *, enforces: bool, honours_expiry: bool) -> Work:
        """The OEM has it."""
        fault = self.faults.draw("operation")
        count = sum(map(len, self.works.values())) + 1
        work = Work(f"op-{count}", order, self.cars[order.target.external_id], fault)
        self.works.setdefault(order.command_id, []).append(work)
        if fault in LIES:
            self.lied.add(order.command_id)
        if fault != "vehicle never answers":
            wait = self.latency() + (60 * self.faults.chance.random() if fault == "vehicle acts late" else 0.0)
            self.later(wait, self._reach, work, enforces, honours_expiry)
        return work

    def status_of(self, work: Work) -> OemResponse:
        """The operation's state as the OEM reports it now."""
        if work.response is None or self.clock.true() < work.visible_from:
            return OemResponse(OutcomeKind.IN_PROGRESS, operation=Operation(work.id))
        return msgspec.structs.replace(work.response, operation=Operation(work.id))

    def _reach(self, work: Work, enforces: bool, honours_expiry: bool) -> None:
        if work.over:
            return
        if honours_expiry and self.clock.true() > work.order.expires_at:
            self._answer(work, OemResponse(OutcomeKind.FAILED, detail="Expired at the OEM."))
        elif not work.car.reachable:
            work.tries += 1
            if work.tries < _TRIES:
                self.later(_RETRY, self._reach, work, enforces, honours_expiry)
        elif enforces and (unmet := work.car.unmet(work.order.name)):
            self._refuse(work, unmet)
        else:
            self._act(work)

    def _refuse(self, work: Work, unmet: tuple[int, ...]) -> None:
        if work.order.name in ("disable_ignition", "enable_ignition") and work.car.already(work.order.name):
            self._answer(work, OemResponse(OutcomeKind.SUCCEEDED, already_done=True))
        else:
            self._answer(work, OemResponse(OutcomeKind.REFUSED, preconditions=unmet))

    def _act(self, work: Work) -> None:
        now, name = self.clock.true(), work.order.name
        if work.fault == "vehicle fails" or (name == "start" and work.car.values["ignition_disabled"]):
            self._answer(work, OemResponse(OutcomeKind.FAILED, detail="The vehicle said no."))
            return
        work.car.last_contact = now
        if work.fault != "success without acting" and name not in READS:
            self._actuate(work, now)
        if work.fault == "failure after acting":
            self._answer(work, OemResponse(OutcomeKind.FAILED))
        else:
            completed_at = None if work.fault == "no completion time" else now
            data = _SOMEWHERE if name == "location" else {}
            self._answer(work, OemResponse(OutcomeKind.SUCCEEDED, completed_at=completed_at, data=data))

    def _actuate(self, work: Work, now: int) -> None:
        work.car.obey(now, work.order.name, work.order.command_id)
        actuation = Actuation(work.car.vin, work.order.name, work.order.command_id, now)
        self.ledger.append(actuation)
        if work.order.name == "alert":
            self.later((work.car.alert_ends_at() - now) / SECOND, self._end_alert, work.car)
        self.on_actuation(actuation)

    def _end_alert(self, car: VehicleModel) -> None:
        if self.clock.true() >= car.alert_ends_at() and car.values["remote_alert_active"]:
            car.become(self.clock.true(), {"remote_alert_active": False, "hazard_lights": "off"})

    def _answer(self, work: Work, answer: OemResponse) -> None:
        lag = 20 * self.faults.chance.random() if work.fault == "answer visible late" else 0.0
        work.response, work.over, work.visible_from = answer, True, after(self.clock.true(), lag)
