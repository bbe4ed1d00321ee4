"""What carries commands, put together: the desk that takes them in and the engine that drives them.

Everything that differs between a server, a test and a simulation comes in as a part: store, bus, clock, connectors and
chance.
"""

import asyncio
import random
import secrets
from collections.abc import Callable, Mapping
from functools import partial

import msgspec

from keyturn.admin.operation import Run
from keyturn.auth.keyring import Keyring
from keyturn.bus.port import Bus
from keyturn.clock import Clock
from keyturn.commands.admission import dry_run
from keyturn.commands.admission.confirmation import ConfirmationCodes
from keyturn.commands.admission.intake import Admission
from keyturn.commands.admission.registration import CommandFactory, RandomBytes, six_digits, uuid7
from keyturn.commands.admission.service import CommandService
from keyturn.commands.execution.intent import IntentRules
from keyturn.commands.execution.restore_fence import fence_previous_epoch
from keyturn.commands.operations import approvals
from keyturn.config.settings import EngineSettings, EvidenceSettings, Settings
from keyturn.connectors.port import Connector, Inbox
from keyturn.engine.credential_trials import CredentialTrials
from keyturn.engine.dispatch import Dispatcher
from keyturn.engine.enable_retry_loop import EnableRetryLoop
from keyturn.engine.engine import Engine
from keyturn.engine.follow import Follower
from keyturn.engine.inbox import ConnectorInbox
from keyturn.engine.recovery import Recoverer
from keyturn.engine.send_guards import Breaker, SendBudgets, SendGuards
from keyturn.engine.sweep import KillSwitchEnds, Sweeper
from keyturn.engine.unanswered import CountUnanswered, UnansweredLog
from keyturn.engine.vehicle_reader import VehicleReader
from keyturn.engine.verify import Verifier
from keyturn.immobilisation.reminders import Reminders
from keyturn.store import clock_state
from keyturn.store.background import PeriodicTask, run_periodically
from keyturn.store.port import Store, Tx
from keyturn.timekeeping import StoreClock, Timekeeper

_ROUND = 1.0
"""Seconds between two rounds at least: what they look for takes minutes and hours."""


class Randomness(msgspec.Struct, frozen=True):
    """Where randomness comes from: a CSPRNG, unless a simulation replays a seed."""

    octets: RandomBytes = secrets.token_bytes
    fraction: Callable[[], float] = random.SystemRandom().random
    """In [0, 1): jitter."""


class Dependencies(msgspec.Struct, frozen=True):
    """What a node brings."""

    store: Store
    bus: Bus
    time: Timekeeper
    keyring: Keyring
    connectors: Mapping[str, Connector]
    epoch: int
    """The store's."""
    chance: Randomness = Randomness()
    shared: bool = False
    """Other nodes work on the same store: what they are sending, this one does not know."""
    count_unanswered: CountUnanswered = lambda _connector, _about, _status: None
    """For the metric of exchanges that brought nothing."""

    @property
    def clock(self) -> Clock:
        """What deadlines are held against."""
        return StoreClock(self.time)


class Runtime:
    """A desk and an engine on one store. `rounds` are made every `interval` seconds, by their names.

    `implementations` are the functions of administration operations that need the connectors' capabilities, by name.
    """

    def __init__(
        self,
        parts: Dependencies,
        desk: CommandService,
        engine: Engine,
        sweeper: Sweeper,
        rounds: Mapping[str, PeriodicTask],
        interval: float,
        implementations: Mapping[str, Run],
        evidence_rules: EvidenceSettings,
    ) -> None:
        self.desk = desk
        self.implementations = implementations
        self.engine = engine
        self._parts = parts
        self._sweeper = sweeper
        self._rounds = rounds
        self._interval = interval
        self._evidence_rules = evidence_rules
        self._making: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Take up what an earlier process left, and drive what comes."""
        await self._parts.store.write(self._begin)
        await self.engine.start(self._sweeper)
        self._making = [
            asyncio.create_task(run_periodically(look, self._interval, name, at_once=False), name=name)
            for name, look in self._rounds.items()
        ]

    def inbox(self, name: str) -> Inbox:
        """Where the connector of this name puts what its OEM says unasked. Raises `KeyError`: there is none."""
        capabilities = self._parts.connectors[name].capabilities
        return ConnectorInbox(name, capabilities, self._parts.store, self._evidence_rules, self.engine.look_again)

    def _begin(self, tx: Tx) -> None:
        """The first commit of this process says by which clocks it goes: the next one sees what was done to them."""
        clock_state.save(tx, self._parts.time.state())
        fence_previous_epoch(tx, self._parts.epoch)

    async def stop(self, grace: float) -> None:
        """Wait up to `grace` seconds for answers on their way; let go of the rest."""
        for task in self._making:
            task.cancel()
        await asyncio.gather(*self._making, return_exceptions=True)
        await self.engine.stop(grace)


def assemble(parts: Dependencies, settings: Settings) -> Runtime:
    """Wire a desk and an engine; nothing runs yet."""
    new_id = partial(uuid7, random=parts.chance.octets)
    registrar = CommandFactory(settings.commands, settings.evidence, new_id, parts.epoch)
    rules = settings.engine
    silences = UnansweredLog(parts.store, parts.clock, parts.count_unanswered)
    timeout = rules.state_read_timeout
    vehicles = VehicleReader(parts.store, parts.keyring, parts.connectors, settings.evidence, timeout, silences)
    engine = _engine(parts, settings, vehicles, silences)
    sweeper = Sweeper(
        parts.store,
        parts.clock,
        parts.connectors,
        rules,
        engine.tend_undriven,
        engine.sending,
        patience=_peer_send_timeout(parts, rules),
    )
    rounds = _periodic_tasks(parts, settings, registrar, vehicles)
    declarations = {name: connector.capabilities for name, connector in parts.connectors.items()}
    draw = partial(six_digits, parts.chance.octets)
    codes = ConfirmationCodes(parts.keyring, settings.confirmation, settings.limits.codes_per_hour, draw)
    intake = Admission(codes, registrar, declarations, settings.evidence, settings.commands.idempotency_lifetime)
    desk = CommandService(parts.store, parts.bus, parts.clock, intake)
    implementations: dict[str, Run] = {
        "approval approve": approvals.Approvals(registrar, declarations).approve,
        "vehicle ready": dry_run.DryRun(codes, settings.evidence, declarations, lambda: engine.clock_fault).run,
    }
    return Runtime(
        parts, desk, engine, sweeper, rounds, max(_ROUND, rules.sweep_interval), implementations, settings.evidence
    )


def _breakers(parts: Dependencies, rules: EngineSettings) -> dict[str, Breaker]:
    return {name: Breaker(parts.clock, rules.breaker_vehicles, rules.breaker_pause) for name in parts.connectors}


def _peer_send_timeout(parts: Dependencies, rules: EngineSettings) -> float:
    """How long another node may still be at what it is sending; on a store of its own there is no other node."""
    return rules.send_window if parts.shared else 0.0


def _periodic_tasks(
    parts: Dependencies, settings: Settings, registrar: CommandFactory, vehicles: VehicleReader
) -> dict[str, PeriodicTask]:
    store, rules = parts.store, settings.immobilisation
    return {
        "reminders": Reminders(store, rules.reminders).look,
        "keep enabling": EnableRetryLoop(store, vehicles, registrar, rules, settings.evidence).look,
        "switches": KillSwitchEnds(store).look,
        "credentials": CredentialTrials(store, parts.clock, parts.keyring, vehicles).look,
    }


def _engine(parts: Dependencies, settings: Settings, vehicles: VehicleReader, silences: UnansweredLog) -> Engine:
    store, clock, rules = parts.store, parts.clock, settings.engine
    budgets = SendBudgets(clock)
    intent_rules = IntentRules(parts.epoch, settings.commands, settings.evidence, rules.send_window)
    return Engine(
        store,
        parts.bus,
        vehicles,
        Dispatcher(store, clock, vehicles, intent_rules, SendGuards(parts.time, budgets, _breakers(parts, rules))),
        Follower(store, clock, vehicles, rules.verify_for, parts.chance.fraction, silences),
        Verifier(store, clock, vehicles, rules.verify_for),
        Recoverer(
            store, clock, vehicles, answer_timeout=rules.answer_timeout, patience=_peer_send_timeout(parts, rules)
        ),
        parts.time,
        budgets,
    )
