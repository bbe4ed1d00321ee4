"""Wires the command service and the engine.

Whatever differs between a server, a test and a simulation is a dependency: store, bus, clock, connectors, randomness.
"""

import asyncio
import random
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
from keyturn.engine.direct_dispatch import DirectDispatch
from keyturn.engine.dispatch import Dispatcher
from keyturn.engine.enable_retry_loop import EnableRetryLoop
from keyturn.engine.engine import Engine
from keyturn.engine.follow import Follower
from keyturn.engine.inbox import ConnectorInbox
from keyturn.engine.recovery import Recoverer
from keyturn.engine.send_guards import Breaker, SendBudgets, SendGuards
from keyturn.engine.sweep import KillSwitchExpiry, Sweeper
from keyturn.engine.unanswered import CountUnanswered, UnansweredLog
from keyturn.engine.vehicle_reader import VehicleReader
from keyturn.engine.verify import Verifier
from keyturn.entropy import random_bytes
from keyturn.immobilisation.reminders import Reminders
from keyturn.store import clock_state
from keyturn.store.background import PeriodicTask, run_periodically
from keyturn.store.port import Store, Tx
from keyturn.timekeeping import StoreClock, Timekeeper

_MIN_INTERVAL = 1.0
"""Seconds between two rounds of a periodic task, at least: they are about minutes and hours."""


class Randomness(msgspec.Struct, frozen=True):
    """Where randomness comes from: a CSPRNG, unless a simulation replays a seed."""

    octets: RandomBytes = random_bytes
    fraction: Callable[[], float] = random.SystemRandom().random
    """In [0, 1): jitter."""


class Dependencies(msgspec.Struct, frozen=True):
    """What a node gives to its runtime."""

    store: Store
    bus: Bus
    time: Timekeeper
    keyring: Keyring
    connectors: Mapping[str, Connector]
    epoch: int
    """Of the store."""
    randomness: Randomness = Randomness()
    shared: bool = False
    """Other nodes work on the same store: this one does not know what they are sending."""
    count_unanswered: CountUnanswered = lambda _connector, _about, _status: None
    """Counts exchanges with an OEM that gave no usable answer."""

    @property
    def clock(self) -> Clock:
        """The clock for deadlines."""
        return StoreClock(self.time)


class Runtime:
    """A command service and an engine on one store. `tasks` run every `interval` seconds, by their names.

    `implementations` are the functions of administration operations that need the connectors' capabilities, by name.
    """

    def __init__(
        self,
        node: Dependencies,
        service: CommandService,
        engine: Engine,
        sweeper: Sweeper,
        tasks: Mapping[str, PeriodicTask],
        interval: float,
        implementations: Mapping[str, Run],
        evidence_rules: EvidenceSettings,
    ) -> None:
        self.service = service
        self.implementations = implementations
        self.engine = engine
        self._node = node
        self._sweeper = sweeper
        self._tasks = tasks
        self._interval = interval
        self._evidence_rules = evidence_rules
        self._running: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Take up open commands of an earlier process, and run new ones."""
        await self._node.store.write(self._begin)
        await self.engine.start(self._sweeper)
        self._running = [
            asyncio.create_task(run_periodically(task, self._interval, name, at_once=False), name=name)
            for name, task in self._tasks.items()
        ]

    def inbox(self, name: str) -> Inbox:
        """The inbox of the connector of this name. Raises `KeyError`: there is none."""
        capabilities = self._node.connectors[name].capabilities
        return ConnectorInbox(name, capabilities, self._node.store, self._evidence_rules, self.engine.follow_now)

    def _begin(self, tx: Tx) -> None:
        """The first commit of a process records its clocks, so that the next process sees whether they were set."""
        clock_state.save(tx, self._node.time.state())
        fence_previous_epoch(tx, self._node.epoch)

    async def stop(self, grace: float) -> None:
        """Wait up to `grace` seconds for answers on their way; cancel the rest."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        await self.engine.stop(grace)


def assemble(node: Dependencies, settings: Settings) -> Runtime:
    """Wire a command service and an engine; nothing runs yet."""
    store, clock, rules = node.store, node.clock, settings.engine
    new_id = partial(uuid7, random=node.randomness.octets)
    unanswered = UnansweredLog(store, clock, node.count_unanswered)
    vehicles = VehicleReader(
        store, node.keyring, node.connectors, settings.evidence, rules.state_read_timeout, unanswered
    )
    engine, direct = _engine(node, settings, vehicles, unanswered)
    factory = CommandFactory(settings.commands, settings.evidence, new_id, node.epoch, direct)
    timeout = _peer_send_timeout(node, rules)
    sweeper = Sweeper(store, clock, node.connectors, rules, engine.rescan, engine.sending, peer_send_timeout=timeout)
    capabilities = {name: connector.capabilities for name, connector in node.connectors.items()}
    draw = partial(six_digits, node.randomness.octets)
    codes = ConfirmationCodes(node.keyring, settings.confirmation, settings.limits.codes_per_hour, draw)
    admission = Admission(codes, factory, capabilities, settings.evidence, settings.commands.idempotency_lifetime)
    implementations: dict[str, Run] = {
        "approval approve": approvals.Approvals(factory, capabilities).approve,
        "vehicle ready": dry_run.DryRun(codes, settings.evidence, capabilities, lambda: engine.clock_fault).run,
    }
    return Runtime(
        node,
        CommandService(store, node.bus, clock, admission),
        engine,
        sweeper,
        _periodic_tasks(node, settings, factory, vehicles),
        max(_MIN_INTERVAL, rules.sweep_interval),
        implementations,
        settings.evidence,
    )


def _engine(
    node: Dependencies,
    settings: Settings,
    vehicles: VehicleReader,
    unanswered: UnansweredLog,
) -> tuple[Engine, DirectDispatch]:
    store, clock, rules = node.store, node.clock, settings.engine
    breakers = {name: Breaker(clock, rules.breaker_vehicles, rules.breaker_pause) for name in node.connectors}
    guards = SendGuards(node.time, SendBudgets(clock), breakers)
    intent_rules = IntentRules(node.epoch, settings.commands, settings.evidence, rules.send_window)
    timeout = _peer_send_timeout(node, rules)
    dispatcher = Dispatcher(store, clock, vehicles, intent_rules, guards)
    engine = Engine(
        store,
        node.bus,
        vehicles,
        dispatcher,
        Follower(store, clock, vehicles, rules.verify_for, node.randomness.fraction, unanswered),
        Verifier(store, clock, vehicles, rules.verify_for),
        Recoverer(store, clock, vehicles, answer_timeout=rules.answer_timeout, peer_send_timeout=timeout),
        node.time,
        guards.budgets,
    )
    return engine, DirectDispatch(engine, dispatcher, vehicles, intent_rules, guards, clock)


def _peer_send_timeout(node: Dependencies, rules: EngineSettings) -> float:
    """Seconds that another node's sending may take; 0 where no other node works on the store."""
    return rules.send_window if node.shared else 0.0


def _periodic_tasks(
    node: Dependencies, settings: Settings, factory: CommandFactory, vehicles: VehicleReader
) -> dict[str, PeriodicTask]:
    store, rules = node.store, settings.immobilisation
    return {
        "reminders": Reminders(store, rules.reminders).run_once,
        "enable retries": EnableRetryLoop(store, vehicles, factory, rules, settings.evidence).run_once,
        "switches": KillSwitchExpiry(store).run_once,
        "credentials": CredentialTrials(store, node.clock, node.keyring, vehicles).run_once,
    }
