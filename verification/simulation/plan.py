"""The plan of a scenario: everything that its seed decides before it runs."""

from functools import cached_property
from random import Random

import msgspec

from keyturn.config.settings import Settings
from keyturn.connectors.port import Capabilities
from verification.simulation.clients.policies import Rules, draw_changes, draw_policies
from verification.simulation.insiders.drawing import Insider, draw_insider, rules_of
from verification.simulation.world.faults import draw_rates
from verification.simulation.world.installation import APPLICATIONS, BY_VIN, COMPANIES, VEHICLES
from verification.simulation.world.pushing import draw_pushes
from verification.simulation.world.settings import draw_declarations, draw_settings
from verification.simulation.world.time_check import ACCEPTED, JUMPS, JUMPS_WHILE_DOWN, SET_RIGHT, draw_jumps


class Crash(msgspec.Struct, frozen=True):
    """A node dies, or all of them with the store, `steps` steps after the `count`-th event of a kind."""

    after: str
    """``commit``, ``sending`` or ``second``."""
    count: int
    steps: int
    restart: float
    """Seconds."""
    everything: bool
    restored: bool
    """What comes back is a restored store: its epoch is raised."""


class Event(msgspec.Struct, frozen=True):
    """Something that happens to the world at a time; `what` is a row of `events.EVENTS`."""

    at: float
    what: str
    vin: str
    seconds: float


class Plan(msgspec.Struct, frozen=True, dict=True):
    seed: int
    nodes: int
    in_order: bool
    """Runnable steps run first come, first served."""
    requests: int
    callers: int
    vins: tuple[str, ...]
    driving: tuple[str, ...]
    """Vehicles that have been driving for ten minutes when it begins."""
    pace: float
    """Seconds between a caller's requests at most."""
    rates: dict[str, float]
    crashes: tuple[Crash, ...]
    events: tuple[Event, ...]
    settings: Settings
    capabilities: dict[str, Capabilities]
    honours_expiry: bool
    policies: dict[str, Rules]
    """By company; empty: all have the default policy."""
    alternating: str | None = None
    """The vehicle whose doors are locked and unlocked in turn."""
    pushes: float | None = None
    """Mean seconds between two pushes of the OEM; None: it pushes nothing."""
    insider: Insider | None = None
    """There are admins, and one of them does harm; None: there are none."""

    @property
    def two_step_weights(self) -> tuple[int, int]:
        """How often vehicles are immobilised and freed: where there are rules, there is something to rule."""
        return (3, 1) if self.policies else (1, 1)

    @cached_property
    def clock_is_true(self) -> bool:
        """The wall clock is never stepped, and the machine never sleeps."""
        return not any(event.what in (*CLOCK_EVENTS, *JUMP_EVENTS) for event in self.events)


STOPS, STOPS_SENDING = "node stops", "node stops while it sends"
"""As its operator stops it."""
JUMP_EVENTS = (JUMPS, JUMPS_WHILE_DOWN, SET_RIGHT, ACCEPTED)
CLOCK_EVENTS = ("clock set back", "clock set forward", "machine sleeps")
RIGHTS_EVENTS = (
    "grants taken", "grants given back", "consent withdrawn", "consent given", "vehicle sold", "plan reduced",
    "plan restored", "account closed", "account opened", "application off", "application on",
)  # fmt: skip
CAR_EVENTS = (
    "drives off",
    "parks",
    "loses coverage",
    "regains coverage",
    "hood opened",
    "hood closed",
    "unlocked by hand",
)


def draw_plan(seed: int) -> Plan:
    """The plan of a seed."""
    plan, insider = _draw(seed), draw_insider(seed)
    if insider is not None:
        return _with_insider(plan, insider)
    chance = Random(f"wavering plan {seed}")
    return _with_alternating(plan, chance) if chance.random() < 0.12 else plan


def _with_insider(plan: Plan, insider: Insider) -> Plan:
    """What changes rights and rules is then the insider's, and the first company's vehicles are at stake."""
    changes = (*CLOCK_EVENTS, *JUMP_EVENTS, *CAR_EVENTS, STOPS, STOPS_SENDING)
    at_stake = any(BY_VIN[vin].company == COMPANIES[0] for vin in plan.vins)
    return msgspec.structs.replace(
        plan,
        insider=insider,
        vins=plan.vins if at_stake else (*plan.vins, VEHICLES[0].vin),
        policies=rules_of(plan.seed),
        events=tuple(event for event in plan.events if event.what in changes),
        capabilities={
            name: msgspec.structs.replace(declared, reports_vin=insider.reports_vin)
            for name, declared in plan.capabilities.items()
        },
    )


_LOST: tuple[dict[str, float], ...] = (
    {"lost before the OEM had it": 0.4},
    {"lost before the OEM had it": 0.4},
    {"lost before the OEM had it": 0.2, "delivered late": 0.3, "vehicle acts late": 0.3},
)


def _with_alternating(plan: Plan, chance: Random) -> Plan:
    """Orders get lost, often with nothing else going wrong, the vehicle is read, and there is time to read it often."""
    others = plan.rates if chance.random() < 0.3 else {}
    engine = msgspec.structs.replace(plan.settings.engine, verify_for=30.0, resolve_for=15.0)
    return msgspec.structs.replace(
        plan,
        alternating=chance.choice(plan.vins),
        rates={**others, **chance.choice(_LOST)},
        settings=msgspec.structs.replace(plan.settings, engine=engine),
        capabilities={
            name: msgspec.structs.replace(declared, reads_state=True) for name, declared in plan.capabilities.items()
        },
    )


def _draw(seed: int) -> Plan:
    chance = Random(f"plan {seed}")
    vins = tuple(vehicle.vin for vehicle in chance.sample(VEHICLES, chance.choice((1, 1, 2, 3))))
    requests = min(40, 3 + int(chance.expovariate(1 / chance.choice((1, 1, 2, 10)))))
    pace = chance.choice((0.01, 0.5, 2.0))
    busy_for = 5.0 + pace * requests
    policies = draw_policies(seed)
    driving = _driving(seed, vins)
    return Plan(
        seed=seed,
        nodes=chance.choice((1, 1, 1, 2)),
        in_order=chance.random() < 0.2,
        requests=requests + (3 if policies else 0),
        callers=chance.randint(1, 5),
        vins=vins,
        driving=driving,
        pace=pace,
        rates=draw_rates(chance) if chance.random() < 0.85 else {},
        crashes=tuple(_crash(chance) for _ in range(chance.choice((0, 0, 0, 1, 1, 2, 3)))),
        events=_events(chance, vins, busy_for, driving)
        + _changes(seed, vins, busy_for, policies)
        + tuple(Event(busy_for * part, kind, vins[0], 0.0) for kind, part in draw_jumps(seed))
        + _stops(seed, busy_for, vins[0]),
        settings=draw_settings(chance),
        capabilities=draw_declarations(chance),
        honours_expiry=chance.random() < 0.3,
        policies=policies,
        pushes=draw_pushes(seed),
    )


def _driving(seed: int, vins: tuple[str, ...]) -> tuple[str, ...]:
    chance = Random(f"driving {seed}")
    return tuple(vin for vin in vins if chance.random() < 0.15)


def _crash(chance: Random) -> Crash:
    after = chance.choice(("commit", "sending", "second"))
    count = chance.randint(1, {"commit": 60, "sending": 8, "second": 40}[after])
    restart = chance.choice((0.0, 0.5, 5.0, 20.0))
    everything = chance.random() < 0.5
    return Crash(after, count, chance.randint(0, 12), restart, everything, everything and chance.random() < 0.15)


def _events(chance: Random, vins: tuple[str, ...], busy_for: float, driving: tuple[str, ...]) -> tuple[Event, ...]:
    """Mostly in random order; vehicles that drive park soon, so that there is something to immobilise."""
    kinds: list[str] = []
    for group, odds in ((CLOCK_EVENTS, 0.2), (RIGHTS_EVENTS, 0.3), (CAR_EVENTS, 0.5)):
        if chance.random() < odds:
            kinds += chance.choices(group, k=chance.randint(1, 4))
    events = (
        Event(busy_for * chance.random(), kind, chance.choice(vins), chance.choice((1.0, 3.0, 20.0, 90.0)))
        for kind in kinds
    )
    parking = (Event(busy_for * chance.random() / 2, "parks", vin, 0.0) for vin in driving)
    return tuple(sorted((*events, *parking), key=lambda event: event.at))


def _changes(seed: int, vins: tuple[str, ...], busy_for: float, policies: dict[str, Rules]) -> tuple[Event, ...]:
    kinds = draw_changes(seed, policies)
    if not kinds:
        return ()
    chance = Random(f"rule events {seed}")
    return tuple(Event(busy_for * chance.random(), kind, chance.choice(vins), 0.0) for kind in kinds)


def _stops(seed: int, busy_for: float, vin: str) -> tuple[Event, ...]:
    chance = Random(f"stops {seed}")
    times = chance.randint(1, 3) if chance.random() < 0.25 else 0
    kinds = chance.choices((STOPS, STOPS_SENDING), (1, 3), k=times)
    return tuple(Event(busy_for * chance.random() ** 2, kind, vin, chance.choice((0.0, 1.0, 5.0))) for kind in kinds)


def callers_of(plan: Plan) -> tuple[str, ...]:
    """The application that each caller uses."""
    chance = Random(f"callers {plan.seed}")
    companies = {BY_VIN[vin].company for vin in plan.vins}
    owners = [application.id for application in APPLICATIONS if application.company in companies]
    all_of_them = [application.id for application in APPLICATIONS]
    return tuple(chance.choice(owners if chance.random() < 0.9 else all_of_them) for _ in range(plan.callers))
