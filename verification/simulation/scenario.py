"""Runs one scenario from its seed to its violations, and collects what the product logs as errors meanwhile."""

import asyncio
import contextlib
import gc
import hashlib
import sys
from collections import Counter
from collections.abc import Coroutine
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any, Self

import apsw
import structlog
from structlog.typing import EventDict, WrappedLogger

from verification.results import Violation
from verification.simulation import recovery_check
from verification.simulation.clients.administration import administer
from verification.simulation.clients.alternating import alternate
from verification.simulation.clients.clients import Client
from verification.simulation.clients.operators import Operators
from verification.simulation.events import apply_event
from verification.simulation.insiders.honest import Watch, make_due
from verification.simulation.insiders.insider import InsiderAtWork
from verification.simulation.insiders.people import enrolment, ids_of
from verification.simulation.invariants import violations
from verification.simulation.plan import callers_of, draw_plan
from verification.simulation.run_result import SimulationResult, gather
from verification.simulation.ways import ways
from verification.simulation.world import sealing
from verification.simulation.world.data_directory import DataDirectory
from verification.simulation.world.loop import Stuck, VirtualLoop, until
from verification.simulation.world.world import World

_QUIET_WITHIN = 1_200.0
"""Seconds after the last request in which everything must have come to an end."""
_QUIET = "SELECT (SELECT count(*) FROM open_command) + (SELECT count(*) FROM open_code)"


@dataclass(frozen=True)
class Result:
    """What came of a scenario; picklable."""

    seed: int
    violations: list[Violation]
    faults: Counter[str]
    event_counts: Counter[str]
    """Audit entries by kind, those of commands aside."""
    ways: Counter[str]
    """How commands were registered."""
    commands: int
    requests: int
    seconds: float
    """Of virtual time."""
    digest: str = ""
    """Of the whole trace and all audit entries: two runs of a seed have the same. Only of one that was traced."""
    trace: list[tuple[float, str]] = field(default_factory=list)


def run(seed: int, data_dir: DataDirectory, *, traced: bool = False) -> Result:
    """Run the scenario of a seed; `traced`: keep the trace of everything that happened."""
    plan = draw_plan(seed)
    data_dir.refresh()
    if plan.insider is not None:
        data_dir.enrol(enrolment(plan.insider))
    loop = VirtualLoop(None if plan.in_order else Random(f"order {seed}"))
    world = World(plan, data_dir, loop)
    gc.disable()
    with ErrorLog() as error_log, ids_of(seed):
        try:
            loop.run_until_complete(loop.create_task(_live(world), context=world.cloud.world.copy()))
        except Stuck as stuck:
            world.violated.append(("5 final within its bound", str(stuck)))
        world.violated += [("no defect in the engine", text) for text in (*loop.defects, *error_log.texts)]
        left = gather(world)
        found = violations(left)
        world.close()
        _let_go(loop)
    gc.enable()
    result = _result(world, left, found)
    return replace(result, trace=world.trace, digest=_digest(world, left)) if traced else result


async def _live(world: World) -> None:
    plan = world.plan
    world.begin()
    await until(lambda: bool(world.living()), 60.0, 0.1)
    await _set_policies(world)
    for event in plan.events:
        world.loop.call_later(event.at, apply_event, world, event)
    budget = [plan.requests]
    callers = [
        Client(world, application, Random(f"caller {plan.seed} {place}"), budget)
        for place, application in enumerate(callers_of(plan))
    ]
    in_charge = [asyncio.create_task(work) for work in insiders_of(world)]
    on_duty = asyncio.create_task(Operators(world, Random(f"staff {plan.seed}")).run()) if plan.policies else None
    await asyncio.gather(alternate(world), insider_of(world), *(caller.run() for caller in callers))
    world.settle_down()
    await until(lambda: _quiet(world), _QUIET_WITHIN, 1.0)
    await recovery_check.check_recovery(world)
    await _check_sealing(world)
    await until(lambda: _quiet(world), _QUIET_WITHIN, 1.0)
    for task in (on_duty, *in_charge):
        if task is not None:
            task.cancel()


async def _check_sealing(world: World) -> None:
    with contextlib.suppress(Stuck):
        await until(lambda: not world.rows(sealing.ANY_UNSEALED)[0][0], 3 * sealing.PASS_EVERY, 1.0)
    found = sealing.problems(
        world.rows(sealing.ANY_UNSEALED)[0][0], world.rows(sealing.LINKS), world.rows(sealing.HEADS)
    )
    world.violated += [("every entry is sealed, in order", problem) for problem in found]


def insiders_of(world: World) -> list[Coroutine[Any, Any, None]]:
    """Tasks that run as long as the scenario where there are admins."""
    if world.plan.insider is None:
        return []
    return [make_due(world), Watch(world, Random(f"watch {world.plan.seed}")).run()]


async def insider_of(world: World) -> None:
    """Where there is one."""
    if world.plan.insider is not None:
        await InsiderAtWork(world, Random(f"deeds {world.plan.seed}")).run()


async def _set_policies(world: World) -> None:
    for company, rules in world.plan.policies.items():
        for node in world.living()[:1]:
            administer(world, node, "policy set", {"company": company, **rules})


def _let_go(loop: VirtualLoop) -> None:
    """What a crash left pending ends here, where nothing looks any more."""
    for task in loop.tasks:
        if not task.done():
            with contextlib.suppress(RuntimeError):
                task.get_coro().close()
    loop.close()


def _quiet(world: World) -> bool:
    """Nothing is open, and every node works."""
    if not all(node.up and not node.stopping and node.store.available for node in world.nodes):
        return False
    try:
        return bool(world.rows(_QUIET)[0][0] == 0)
    except apsw.Error:
        return False


def _result(world: World, left: SimulationResult, found: list[Violation]) -> Result:
    return Result(
        seed=world.plan.seed,
        violations=found,
        faults=world.counts,
        event_counts=left.event_counts,
        ways=ways(left),
        commands=len(left.commands),
        requests=len(world.posts) + len(world.gets),
        seconds=world.loop.time(),
    )


def _digest(world: World, left: SimulationResult) -> str:
    content = "\n".join(f"{at} {text}" for at, text in world.trace)
    content += "\n".join(str(tuple(entry.values())) for entry in left.entries)
    return hashlib.sha256(content.encode()).hexdigest()[:16]


_EXPECTED = ("store_unavailable", "a connector raised")
"""Errors that faults of the plan lead to."""
_ERROR = 40
"""The level."""


class ErrorLog:
    """While it is entered, errors go to `texts` and everything below them nowhere."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def __enter__(self) -> Self:
        structlog.configure(
            processors=[self._keep],
            wrapper_class=structlog.make_filtering_bound_logger(_ERROR),
            cache_logger_on_first_use=False,
        )
        return self

    def __exit__(self, *exc: object) -> None:
        structlog.reset_defaults()

    def _keep(self, _logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        if not str(event["event"]).startswith(_EXPECTED):
            raised = event.get("exc_info")
            error = sys.exc_info()[1] if raised is True else raised
            self.texts.append(f"{event['event']}: {error!r} {event.get('task', '')}")
        raise structlog.DropEvent
