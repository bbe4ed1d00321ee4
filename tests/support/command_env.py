"""One vehicle and its commands, worked through the units of work that Keyturn itself runs, on a real store."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from keyturn.bus.topics import IdT, Topic
from keyturn.clock import after
from keyturn.commands.admission.confirmation import ConfirmationCodes
from keyturn.commands.admission.intake import Admission, AdmissionResult
from keyturn.commands.admission.registration import CommandFactory, six_digits, uuid7
from keyturn.commands.admission.requests import CommandRequest
from keyturn.commands.execution import expiry, outcome
from keyturn.commands.execution.intent import IntentRules, write_intent
from keyturn.commands.model import record
from keyturn.commands.model.catalogue import COMMANDS
from keyturn.commands.model.record import Command, OpenCommand
from keyturn.config.settings import CommandSettings, ConfirmationSettings, EngineSettings, EvidenceSettings
from keyturn.connectors.port import Capabilities
from keyturn.connectors.responses import OemResponse, Operation, OutcomeKind, SignalReading, StateReport
from keyturn.engine import vehicle_reader as reports
from keyturn.engine.sweep import Sweeper
from keyturn.errors import Refusal
from keyturn.fleet import evidence, vehicles
from keyturn.fleet.evidence import Evidence
from keyturn.fleet.vehicles import Vehicle
from keyturn.store.port import ReadTx, Store
from tests.support.clock import ManualClock
from tests.support.enrolment import KEYRING, VIN, Names, administer

from ..store.adapters import open_store

T = TypeVar("T")

OEM = Capabilities(
    offers=frozenset(COMMANDS),
    enforces_preconditions=True,
    blocks_next_start_only=True,
    reads_state=True,
    finds_by_reference=True,
)
PARKED: dict[str, Any] = {
    "speed": 0.0,
    "system_power_mode": "off",
    "ignition_status": "ignition off",
    "vehicle_move_status": "parked",
    "transmission_gear": "park",
    "hood_status": "closed",
    "fuel_level": 62.0,
    "lv_battery_voltage": 12.6,
    "hazard_lights": "off",
    "malfunction_indicator": "off",
}
OPERATION = Operation(id="op-1")


def not_none(found: T | None) -> T:
    """What a test knows to be there."""
    assert found is not None
    return found


async def _schedule_nothing() -> None:
    """Commands are driven by the test."""


class CommandEnv:
    """Registers, sends and answers commands of one vehicle.

    `declares` are the capabilities of the connector; `behind` changes it.
    """

    def __init__(self, data: Path, names: Names) -> None:
        self.data = data
        self.names = names
        self.clock = ManualClock()
        self.codes_to_come: list[str] = []
        self.announced: list[tuple[Topic[Any], str]] = []
        self.handed: dict[tuple[Topic[Any], str], object] = {}
        """The newest row that came with each."""
        self._runner = asyncio.Runner()
        self.store: Store = self._runner.run(self._opened())
        self.factory = CommandFactory(CommandSettings(), EvidenceSettings(), uuid7, self.store.epoch)
        self.codes = ConfirmationCodes(KEYRING, ConfirmationSettings(), 10, self._draw)
        self.rules = IntentRules(self.store.epoch, CommandSettings(), EvidenceSettings(), 5.0)
        self._sending: set[str] = set()
        self.share(peer_send_timeout=0.0)
        self.behind()

    def close(self) -> None:
        self._runner.run(self.store.close())
        self._runner.close()

    def behind(self, **declared: Any) -> None:
        self.capabilities = msgspec.structs.replace(OEM, **declared)
        self.intake = Admission(self.codes, self.factory, {"oem": self.capabilities}, EvidenceSettings(), 86_400.0)

    def do(self, unit: Callable[..., T], *args: Any, **named: Any) -> T:
        """Run one unit of work in a transaction of its own."""
        return self._runner.run(self.store.write(lambda tx: unit(tx, *args, **named)))

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(work)

    def see(self, view: Callable[..., T], *args: Any, **named: Any) -> T:
        """What a reader sees."""
        return self._runner.run(self.store.read(lambda tx: view(tx, *args, **named)))

    def request(self, command: str, code: object = None, **fields: Any) -> CommandRequest:
        asked = CommandRequest(self.names.company, self.names.application, frozenset(COMMANDS), VIN, command, code)
        return msgspec.structs.replace(asked, **fields)

    def ask(self, command: str, code: object = None, **fields: Any) -> AdmissionResult:
        return self.do(self.intake.submit, self.request(command, code, **fields))

    def refused(self, command: str, code: object = None, **fields: Any) -> Refusal:
        refusal = self.ask(command, code, **fields).refusal
        assert refusal is not None
        return refusal

    def first_step(self, command: str, **fields: Any) -> tuple[Command, str]:
        """The confirming record and its code."""
        answer = self.ask(command, **fields).answer
        assert answer is not None
        return self.row(str(answer.body["id"])), str(answer.body["code"])

    def register(self, command: str, **fields: Any) -> Command:
        """Ask in one step or two, as the command wants; the record."""
        code = self.first_step(command, **fields)[1] if COMMANDS[command].two_step else None
        submitted = self.ask(command, code, **fields)
        if submitted.waiting is not None:
            return submitted.waiting
        assert submitted.answer is not None, submitted.refusal
        return self.row(str(submitted.answer.body["id"]))

    def intent(self, command: Command) -> Command | None:
        return self.do(write_intent, command.id, self.capabilities, self.rules)

    def send(self, command: str) -> Command:
        """Registered and with its intent written."""
        return not_none(self.intent(self.register(command)))

    def respond(self, command: Command, verdict: OutcomeKind, **fields: Any) -> Command | None:
        return self.do(outcome.apply, command.id, OemResponse(verdict, **fields), self.capabilities)

    def accept(self, command: str) -> Command:
        return not_none(self.respond(self.send(command), OutcomeKind.IN_PROGRESS, operation=OPERATION))

    def execute(self, command: str, **fields: Any) -> Command:
        return not_none(self.respond(self.send(command), OutcomeKind.SUCCEEDED, **fields))

    def lose(self, command: str) -> Command:
        """Sent, and the connection lost: the outcome is unknown."""
        return not_none(self.respond(self.send(command), OutcomeKind.UNCLEAR))

    def lapse(self, command: Command) -> Command | None:
        return self.do(expiry.expire_overdue, command.id, self.capabilities, EngineSettings())

    def share(self, peer_send_timeout: float) -> None:
        """With other nodes, whose sendings take so many seconds at most."""
        rules = EngineSettings()
        self._sweeper = Sweeper(
            self.store, self.clock, {}, rules, _schedule_nothing, self._sending, peer_send_timeout=peer_send_timeout
        )

    def sweep(self, sending: frozenset[str] = frozenset()) -> None:
        """What the engine does with all that is due, while it is sending these."""
        self._sending.clear()
        self._sending.update(sending)
        self._runner.run(self._sweeper.sweep())

    def report(
        self, readings: dict[str, Any] | None = None, *, reachable: bool | None = True, age: float = 0.0
    ) -> Evidence:
        """Merge a report from `age` seconds ago, with values that are an hour older."""
        reported_at = after(self.clock.now(), -age)
        signals = {
            name: SignalReading(value, after(reported_at, -3600), reported_at)
            for name, value in (readings or {}).items()
        }
        return self.do(
            reports.record_report, self.vehicle(), StateReport(signals, reachable, reported_at), EvidenceSettings()
        )

    def administer(self, name: str, /, **arguments: Any) -> None:
        self.do(administer, name, **arguments)

    def vehicle(self) -> Vehicle:
        return not_none(self.see(vehicles.load, self.names.vehicle))

    def evidence(self) -> Evidence:
        return self.see(evidence.load, self.names.vehicle)

    def row(self, command: Command | str) -> Command:
        return not_none(self.see(record.load, command if isinstance(command, str) else command.id))

    def open_row(self, command: Command) -> OpenCommand | None:
        rows = self.see(record.open_of_vehicle, self.names.vehicle)
        return next((row for row in rows if row.command_id == command.id), None)

    def rows(self, sql: str, **params: object) -> list[tuple[Any, ...]]:

        def all_of_it(tx: ReadTx) -> list[tuple[Any, ...]]:
            return tx.all(sql, **params)

        return self.see(all_of_it)

    def told(self, command: Command) -> list[str]:
        """Kinds of the audit entries about a command, in order."""
        sql = "SELECT kind FROM entry WHERE command_id = :id ORDER BY seq"
        return [kind for (kind,) in self.rows(sql, id=command.id)]

    async def _opened(self) -> Store:
        return open_store(self.data, self.clock, self._announce, at_once=True)

    def _announce(self, topic: Topic[IdT], key: IdT, row: object = None) -> None:
        self.announced.append((topic, key))
        self.handed[topic, key] = row

    def _draw(self) -> str:
        return self.codes_to_come.pop(0) if self.codes_to_come else six_digits()
