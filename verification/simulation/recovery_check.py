"""At the end, a company enables every vehicle by its ordinary request, whatever the scenario left behind.

Before that, in some scenarios, an insider alone with the shell does what holds it up longest: closes records by force,
and throws switches over what restores, again and again. What the company took away from itself it gives back, and such
a switch is released, or left until it ends by itself; everything else stays as the scenario left it, and is made as
strict as it can be.
"""

from collections.abc import Iterator
from random import Random
from typing import Any

from verification.simulation.clients.administration import administer, filled
from verification.simulation.clients.clients import send
from verification.simulation.clients.policies import PLACES, STRICTEST
from verification.simulation.clients.responses import PostResult
from verification.simulation.world.installation import BY_VIN, VEHICLES, Enrolled
from verification.simulation.world.loop import until
from verification.simulation.world.oem import Actuation
from verification.simulation.world.vehicle_model import STOPPED
from verification.simulation.world.world import World

CHECK = "the way back is open"
_TRIES = 15
_ENDED_WITHIN = 600.0
"""Seconds for one enable_ignition: what is ahead of it in the lane may hold it."""
_OPEN = "SELECT 1 FROM immobilisation WHERE vehicle_id = ? AND (state <> 'closed' OR held = 1)"
_STATUS = "SELECT 1 FROM command WHERE id = ? AND status IN ('Success', 'Error')"
_WELCOME = (200, 409, 503, None)
"""Statuses after which the client tries again: sent, contradicted by the vehicle's own report, unavailable, or lost."""

_HARDER: tuple[tuple[str, dict[str, Any]], ...] = (
    ("switch throw", {"reach": "disable", "reason": "recall"}),
    ("switch throw", {"reach": "actuating", "reason": "recall"}),
    ("policy set", {"company": "{company}", **STRICTEST}),
)
_RELEASED: tuple[tuple[str, dict[str, Any]], ...] = (
    ("switch release", {"reach": "restoring"}),
    ("switch release", {"reach": "restoring", "company": "{company}"}),
    ("switch release", {"reach": "restoring", "company": "{company}", "account": "{account}"}),
)
_GIVEN_BACK: tuple[tuple[str, dict[str, Any]], ...] = (
    ("application set", {"application": "{app}", "active": True, "grants": ("enable_ignition",)}),
    ("account set", {"account": "{account}", "active": True}),
    ("vehicle set", {"vehicle": "{vehicle}", "active": True}),
)
_SWITCHES_END_WITHIN = 600.0
"""Seconds: one person threw them."""
_THROWN = "SELECT 1 FROM kill_switch WHERE reach = 'restoring'"
_IN_FORCE = f"{_THROWN} AND ends_at > ?"
_RECORDED = "SELECT vehicle_id FROM immobilisation WHERE state <> 'closed' OR held = 1"
_OF = "SELECT vehicle_id FROM command WHERE id = ?"
_KEPT = "SELECT vehicle_id FROM keep_enabling WHERE ended_at IS NULL"
_PLAN: tuple[str, dict[str, Any]] = ("vehicle set", {"vehicle": "{vehicle}", "plan": "plan"})


async def check_recovery(world: World) -> None:
    """Every vehicle that is immobilised, or on record as perhaps so, comes back."""
    await _time_accepted(world)
    if world.plan.insider is not None:
        await _walk_by_operators(world)
        return
    insider = Random(f"insider {world.plan.seed}")
    for (vehicle,) in world.rows(_KEPT):
        await administer(world, world.living()[0], "keep-enabling cancel", {"vehicle": vehicle})
    if world.plan.policies and insider.random() < 0.5:
        for vin in [vin for vin in world.plan.vins if _held(world, vin)]:
            world.counts["insider closes records and throws switches"] += 1
            await _hold_up(world, vin, insider)
    world.unrecorded = list(_unrecorded(world))
    release = await _released(world, insider)
    for vin in [vin for vin in world.plan.vins if _held(world, vin)]:
        world.counts["way back walked"] += 1
        await _prepare(world, vin, release)
        if not await _enabled(world, vin, Random(f"way back {world.plan.seed} {vin}")):
            world.violated.append((CHECK, f"{vin} is not enabled and closed after {_TRIES} tries"))


async def _time_accepted(world: World) -> None:
    """A clock that was set right while no node ran is doubted until an operator confirms it."""
    if not world.plan.clock_is_true and world.clock.stepped == 0:
        world.time_check.accepting = True
        for node in world.living()[:1]:
            await administer(world, node, "clock accept", {})


async def _walk_by_operators(world: World) -> None:
    """Whatever the insider closed: one operator, with the shell alone, has every vehicle enabled again."""
    world.unrecorded = list(_unrecorded(world))
    if world.rows(_THROWN):
        world.counts["switches left to end"] += 1
        world.loop.skip(_SWITCHES_END_WITHIN)
    for car in world.cloud.cars.values():
        car.become(world.clock.true(), STOPPED)
    for vin in [vehicle.vin for vehicle in VEHICLES if _held_by_operators(world, vehicle)]:
        world.counts["way back walked by operators"] += 1
        vehicle = BY_VIN[vin]
        for _ in range(_TRIES):
            await administer(world, world.living()[0], "keep-enabling start", {"vehicle": vehicle.id})
            if await until(lambda each=vehicle: not _held_by_operators(world, each), 60.0, 1.0):  # type: ignore[misc]  # bound now
                break
        else:
            world.violated.append((CHECK, f"{vin} is not enabled and closed after an operator's {_TRIES} tries"))


def _held_by_operators(world: World, vehicle: Enrolled) -> bool:
    """It is on record, or a car that a command of its immobilised still is so."""
    disabled = {vin for vin, car in world.cloud.cars.items() if car.values["ignition_disabled"]}
    last = {a.vin: a.ref for a in world.cloud.ledger if a.name == "disable_ignition" and a.vin in disabled}
    owners = {world.rows(_OF, ref)[0][0] for ref in last.values()}
    return vehicle.id in owners or bool(world.rows(_OPEN, vehicle.id))


def _held(world: World, vin: str) -> bool:
    disabled = bool(world.cloud.cars[vin].values["ignition_disabled"])
    return disabled or bool(world.rows(_OPEN, BY_VIN[vin].id))


def _unrecorded(world: World) -> Iterator[tuple[str, Actuation]]:
    """Each vehicle that is immobilised and has no record, with what immobilised it."""
    recorded = set(world.rows(_RECORDED))
    for vin, car in world.cloud.cars.items():
        if car.values["ignition_disabled"]:
            by = next(a for a in reversed(world.cloud.ledger) if (a.vin, a.name) == (vin, "disable_ignition"))
            if world.rows(_OF, by.ref)[0] not in recorded:
                yield vin, by


async def _hold_up(world: World, vin: str, chance: Random) -> None:
    reason: dict[str, Any] = {"reason": "tidy"}
    for operation, arguments in (
        ("immobilisation close", {"vehicle": "{vehicle}", "force": True, **reason}),
        ("switch throw", {"reach": "restoring", **chance.choice(PLACES), **reason}),
    ):
        await administer(world, world.living()[0], operation, filled(vin, arguments))


async def _released(world: World, chance: Random) -> tuple[tuple[str, dict[str, Any]], ...]:
    """Operations that release the switches; or none: their time passes, and the insider tries again."""
    if not world.rows(_THROWN) or chance.random() < 0.3:
        return _RELEASED
    world.counts["switches left to end"] += 1
    for _ in range(1 + len(VEHICLES)):  # over each vehicle once; over those of before there is an hour's rest
        world.loop.skip(_SWITCHES_END_WITHIN)
        for vin in [vin for vin in world.plan.vins if _held(world, vin)]:
            await _hold_up(world, vin, chance)
        if not world.rows(_IN_FORCE, world.store_now()):
            break
    else:
        world.violated.append(
            (CHECK, "one person's switches still hold restoring commands, after an end for each vehicle")
        )
    return ()


async def _prepare(world: World, vin: str, release: tuple[tuple[str, dict[str, Any]], ...]) -> None:
    """A plan without enabling does not stop a vehicle whose record is open."""
    back = (*_GIVEN_BACK, _PLAN)[: -1 if world.rows(_OPEN, BY_VIN[vin].id) else None] if world.plan.events else ()
    for operation, arguments in (*_HARDER, *release, *back):
        node = world.living()[0]
        await administer(world, node, operation, filled(vin, arguments))
    world.cloud.cars[vin].become(world.clock.true(), STOPPED)


async def _enabled(world: World, vin: str, chance: Random) -> bool:
    for _ in range(_TRIES):
        first = await _ask(world, vin, None, chance)
        second = await _ask(world, vin, str(first.body["code"]), chance) if "code" in first.body else first
        ended = second.id
        if ended is not None:
            await until(lambda command_id=ended: bool(world.rows(_STATUS, command_id)), _ENDED_WITHIN, 1.0)  # type: ignore[misc]  # bound now
        if await until(lambda: not _held(world, vin), 20.0, 1.0):
            return True
    return False


async def _ask(world: World, vin: str, code: str | None, chance: Random) -> PostResult:
    application = str(filled(vin, {"application": "{app}"})["application"])
    post = PostResult(application, BY_VIN[vin].company, vin, "enable_ignition", code, None, world.loop.time())
    world.posts.append(post)
    await send(world, post, chance)
    if post.status not in _WELCOME:
        world.violated.append((CHECK, f"{vin}: enable_ignition was answered {post.status} {post.body}"))
    return post
