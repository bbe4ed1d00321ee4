"""Runs a demo on its data directory: the simulated OEM, the server, and the enrolled fleet."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from typing import NamedTuple

import msgspec

from keyturn.app import Node
from keyturn.cli.commands.simulate import running_simulator
from keyturn.cli.demo.fleet import enrol
from keyturn.cli.demo.settings import demo_settings, port_of
from keyturn.cli.demo.state import Credentials, DemoState, client_of, load_state, save_state
from keyturn.cli.failure import Exit, Failure
from keyturn.cli.server import log_to_stderr
from keyturn.errors import OperationError
from keyturn_client import KeyturnError, Token, Unreachable
from keyturn_simulator import Simulator, SimulatorSettings, fleet_vins

LATENCY = 2.0
"""Median seconds that a vehicle takes to answer."""
VEHICLES = 200
"""Number of ordinary vehicles, beside those with a fixed behaviour."""

_NO_COMMAND = "none"
"""An id that no command has: a valid token is answered 404."""
_SIMULATOR_FOLDER = "simulator"


class DemoOptions(NamedTuple):
    """Options of the command line. None: the value of the last start, else the default."""

    directory: Path
    port: int | None
    vehicles: int | None
    latency: float | None


@asynccontextmanager
async def running_demo(options: DemoOptions) -> AsyncIterator[DemoState]:
    """A demo that is ready, continued where its directory has one. Raises `Failure`, and whatever a node raises."""
    before = load_state(options.directory)
    vehicles = _vehicles(options, before)
    async with AsyncExitStack() as resources:
        simulator = await resources.enter_async_context(_simulator(options, vehicles, before))
        settings = demo_settings(options.directory, options.port, simulator.base_url, before.url if before else None)
        log_to_stderr(settings.log)
        node = Node(settings)
        url = await node.start()
        resources.push_async_callback(node.stop)
        companies = await _enrolled(node, vehicles, before)
        companies = await asyncio.to_thread(_with_tokens, url, companies)
        state = DemoState(url, simulator.base_url, vehicles, companies)
        save_state(options.directory, state)
        yield state


def _vehicles(options: DemoOptions, before: DemoState | None) -> int:
    """The number of ordinary vehicles; it never shrinks, because the simulator's data refer to all of them."""
    if before is None:
        return VEHICLES if options.vehicles is None else options.vehicles
    return max(before.vehicles, options.vehicles or 0)


@asynccontextmanager
async def _simulator(options: DemoOptions, vehicles: int, before: DemoState | None) -> AsyncIterator[Simulator]:
    settings = SimulatorSettings(
        port=port_of(before.oem_url) if before else 0,
        data_dir=options.directory / _SIMULATOR_FOLDER,
        vehicles=vehicles,
        latency_median=LATENCY if options.latency is None else options.latency,
    )
    async with running_simulator(settings) as simulator:
        if options.latency is not None:
            simulator.simulation.set_latency(options.latency)
        yield simulator


async def _enrolled(node: Node, vehicles: int, before: DemoState | None) -> list[Credentials]:
    known = before.companies if before else None
    try:
        return await enrol(node.administration.administer_all, fleet_vins(vehicles), known)
    except OperationError as error:
        raise _cannot_continue(error.code, str(error)) from None


def _with_tokens(url: str, companies: list[Credentials]) -> list[Credentials]:
    return [msgspec.structs.replace(company, token=_token(url, company)) for company in companies]


def _token(url: str, company: Credentials) -> Token:
    """The saved token while it is valid, else a new one."""
    with client_of(url, company) as client:
        try:
            client.status(_NO_COMMAND)
        except KeyturnError as error:
            if error.http_status != HTTPStatus.NOT_FOUND:
                reason = f"the application of {company.name} is refused: {error.detail}"
                raise _cannot_continue("demo_refused", reason) from None
        except Unreachable as error:
            raise Failure(Exit.UNREACHABLE, "unreachable", str(error)) from None
        return client.token()


def _cannot_continue(code: str, reason: str) -> Failure:
    return Failure(Exit.REFUSED, code, f"The demo cannot continue with this data: {reason}")
