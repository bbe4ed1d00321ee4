"""What happens to a world by the clock, by its administrators and by its drivers, as one table."""

from collections.abc import Callable
from typing import Any

from keyturn.commands.catalogue import COMMANDS
from keyturn.store.port import StoreUnavailable, Tx
from keyturn.tenants.administration import OperationError
from keyturn.tenants.operations import perform

from .car import STOPPED
from .installation import BY_VIN, INSTALLATION, KEYRING
from .plan import Event
from .world import World

Happening = Callable[[World, Event], None]


def happen(world: World, event: Event) -> None:
    """Let it happen, and count it."""
    if not world.calm:
        world.note(f"{event.what} ({event.vin}, {event.seconds:g} s)")
        world.counts[event.what] += 1
        HAPPENINGS[event.what](world, event)


def _administered(operation: str, **arguments: Any) -> Happening:
    """An administrator's change; `{...}` in an argument is the vehicle's own."""

    def do(world: World, event: Event) -> None:
        vehicle = BY_VIN[event.vin]
        own = {"{vehicle}": vehicle.id, "{account}": vehicle.account, "{app}": _application(vehicle.company)}
        filled = {name: own.get(value, value) if isinstance(value, str) else value for name, value in arguments.items()}
        for node in world.living()[:1]:
            world.loop.create_task(_change(world, node.store, operation, filled), context=node.within())

    return do


async def _change(world: World, store: Any, operation: str, arguments: dict[str, Any]) -> None:
    def work(tx: Tx) -> None:
        perform(tx, KEYRING, INSTALLATION, operation, arguments, "operator:torture")

    try:
        await store.write(work)
    except StoreUnavailable:
        world.note(f"{operation} may not have been kept")
    except OperationError as error:
        world.note(f"{operation} is refused: {error}")


def _application(company: str) -> str:
    return "erp" if company == "company-1" else "rival"


def _sets_back(world: World, event: Event) -> None:
    world.clock.step(-event.seconds)


def _sets_forward(world: World, event: Event) -> None:
    world.clock.step(event.seconds)


def _sleeps(world: World, event: Event) -> None:
    world.clock.sleep(event.seconds)


def _drives_off(world: World, event: Event) -> None:
    world.cloud.cars[event.vin].drive_off(world.clock.true())


def _becomes(**changes: Any) -> Happening:
    return lambda world, event: world.cloud.cars[event.vin].become(world.clock.true(), changes)


def _coverage(reachable: bool) -> Happening:
    def do(world: World, event: Event) -> None:
        world.cloud.cars[event.vin].reachable = reachable

    return do


def _kill_switch(_world: World, _event: Event) -> None:
    """Keyturn has none yet; it goes here."""


_CLOCK: dict[str, Happening] = {
    "clock set back": _sets_back,
    "clock set forward": _sets_forward,
    "machine sleeps": _sleeps,
}
_RIGHTS: dict[str, Happening] = {
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
    "kill switch": _kill_switch,
}
_CARS: dict[str, Happening] = {
    "drives off": _drives_off,
    "parks": _becomes(**STOPPED),
    "loses coverage": _coverage(reachable=False),
    "regains coverage": _coverage(reachable=True),
    "hood opened": _becomes(hood_status="open"),
    "hood closed": _becomes(hood_status="closed"),
    "unlocked by hand": _becomes(doors_locked=False),
}
HAPPENINGS: dict[str, Happening] = {**_CLOCK, **_RIGHTS, **_CARS}
