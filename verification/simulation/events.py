"""Table of the events of a plan: clock, administration, and what drivers do."""

from collections.abc import Callable
from typing import Any

from keyturn.commands.model.catalogue import COMMANDS
from verification.simulation.clients.administration import administer, filled
from verification.simulation.clients.policies import LOOSEST, NOTICE, PLACE_OF, REACHES, SCOPES, STRICTEST
from verification.simulation.plan import STOPS, STOPS_SENDING, Event
from verification.simulation.stopping import stop_node, stop_sending_node
from verification.simulation.world import time_check
from verification.simulation.world.installation import BY_VIN
from verification.simulation.world.vehicle_model import STOPPED
from verification.simulation.world.world import World

Effect = Callable[[World, Event], None]
_OPEN_RECORDS = "SELECT vehicle_id FROM immobilisation WHERE state <> 'closed' ORDER BY id"


def apply_event(world: World, event: Event) -> None:
    """Let it happen, and count it."""
    if not world.calm:
        world.note(f"{event.what} ({event.vin}, {event.seconds:g} s)")
        world.counts[event.what] += 1
        if event.what in _CLOCK:
            world.time_check.allow(time_check.STEP)
        EVENTS[event.what](world, event)


def _administered(operation: str, **arguments: Any) -> Effect:
    """An administrator's change; `{...}` in an argument is the vehicle's own."""

    def do(world: World, event: Event) -> None:
        for node in world.living()[:1]:
            administer(world, node, operation, filled(event.vin, arguments))

    return do


def _closes_record(**arguments: Any) -> Effect:
    """Of the vehicle, or where that has none, of one that has."""

    def do(world: World, event: Event) -> None:
        opened = [vehicle for (vehicle,) in world.rows(_OPEN_RECORDS)]
        vehicle = BY_VIN[event.vin].id
        chosen = vehicle if vehicle in opened or not opened else opened[0]
        for node in world.living()[:1]:
            administer(world, node, "immobilisation close", {"vehicle": chosen, **arguments})

    return do


def _sets_back(world: World, event: Event) -> None:
    world.clock.step(-event.seconds)


def _sets_forward(world: World, event: Event) -> None:
    world.clock.step(event.seconds)


def _jumps(world: World, _event: Event) -> None:
    world.clock.step(time_check.JUMP)


def _jumps_while_down(world: World, event: Event) -> None:
    """The process ends, the clock jumps, and the next process finds it so."""
    world.crash(0, everything=True, restart=1.0)
    world.clock.step(time_check.JUMP)


def _set_right(world: World, _event: Event) -> None:
    world.clock.set_right()


def _accepted(world: World, _event: Event) -> None:
    """From now on it is right, because an operator confirms it."""
    world.time_check.accepting = True
    for node in world.living()[:1]:
        administer(world, node, "clock accept", {})


def _sleeps(world: World, event: Event) -> None:
    world.clock.sleep(event.seconds)


def _drives_off(world: World, event: Event) -> None:
    world.cloud.cars[event.vin].drive_off(world.clock.true())


def _becomes(**changes: Any) -> Effect:
    return lambda world, event: world.cloud.cars[event.vin].become(world.clock.true(), changes)


def _coverage(reachable: bool) -> Effect:
    def do(world: World, event: Event) -> None:
        world.cloud.cars[event.vin].reachable = reachable

    return do


_CLOCK: dict[str, Effect] = {
    "clock set back": _sets_back,
    "clock set forward": _sets_forward,
    "machine sleeps": _sleeps,
    time_check.JUMPS: _jumps,
    time_check.JUMPS_WHILE_DOWN: _jumps_while_down,
    time_check.SET_RIGHT: _set_right,
    time_check.ACCEPTED: _accepted,
}
_RIGHTS: dict[str, Effect] = {
    "grants taken": _administered("application set", application="{app}", grants=("location",)),
    "grants given back": _administered("application set", application="{app}", grants=tuple(sorted(COMMANDS))),
    "consent withdrawn": _administered("vehicle set", vehicle="{vehicle}", consent=None),
    "consent given": _administered("vehicle set", vehicle="{vehicle}", consent="form"),
    "vehicle sold": _administered("vehicle set", vehicle="{vehicle}", active=False),
    "plan reduced": _administered("vehicle set", vehicle="{vehicle}", plan="small"),
    "plan restored": _administered("vehicle set", vehicle="{vehicle}", plan="plan"),
    "account closed": _administered("account set", account="{account}", active=False),
    "account opened": _administered("account set", account="{account}", active=True),
    "application off": _administered("application set", application="{app}", active=False),
    "application on": _administered("application set", application="{app}", active=True),
}
_CARS: dict[str, Effect] = {
    "drives off": _drives_off,
    "parks": _becomes(**STOPPED),
    "loses coverage": _coverage(reachable=False),
    "regains coverage": _coverage(reachable=True),
    "hood opened": _becomes(hood_status="open"),
    "hood closed": _becomes(hood_status="closed"),
    "unlocked by hand": _becomes(doors_locked=False),
}


def _switches() -> dict[str, Effect]:
    events: dict[str, Effect] = {}
    for reach in REACHES:
        for scope in SCOPES:
            where = {"reach": reach, **PLACE_OF[scope]}
            events[f"switch thrown: {reach}, {scope}"] = _administered("switch throw", reason="recall", **where)
            events[f"switch released: {reach}, {scope}"] = _administered("switch release", **where)
    return events


_POLICIES: dict[str, Effect] = {
    "policy tightened": _administered("policy set", company="{company}", **STRICTEST),
    "policy loosened": _administered("policy set", company="{company}", **LOOSEST),
    "second person asked for": _administered("policy set", company="{company}", second_person=True),
    "second person not asked for": _administered("policy set", company="{company}", second_person=False),
}
_RECORDS: dict[str, Effect] = {
    "keep enabling started": _administered("keep-enabling start", vehicle="{vehicle}"),
    "keep enabling cancelled": _administered("keep-enabling cancel", vehicle="{vehicle}"),
    "record closed": _closes_record(reason="the owner drove off"),
    "record closed by force": _closes_record(reason="sold", force=True),
    NOTICE: _administered("notice add", vehicle="{vehicle}", channel="phone"),
}
EVENTS: dict[str, Effect] = {
    **_CLOCK,
    **_RIGHTS,
    **_CARS,
    **_switches(),
    **_POLICIES,
    **_RECORDS,
    STOPS: stop_node,
    STOPS_SENDING: stop_sending_node,
}
