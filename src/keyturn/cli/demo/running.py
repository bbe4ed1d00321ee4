"""A demo from its data directory: the simulated OEM, the server before it, and everything enrolled."""

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
"""Ordinary ones, beside those with a fixed behaviour."""

_NO_COMMAND = "none"
"""An id that no command has: whoever may ask hears 404."""
_SIMULATOR_FOLDER = "simulator"


class DemoOptions(NamedTuple):
    """What the command line asks for. None: as it was before, else the default."""

    directory: Path
    port: int | None
    vehicles: int | None
    latency: float | None


@asynccontextmanager
async def running_demo(wishes: DemoOptions) -> AsyncIterator[DemoState]:
    """A demo that is ready; starting again on its directory goes on with it. Raises `Failure`, or as a node."""
    before = load_state(wishes.directory)
    vehicles = _vehicles(wishes, before)
    async with AsyncExitStack() as resources:
        simulator = await resources.enter_async_context(_simulator(wishes, vehicles, before))
        settings = demo_settings(wishes.directory, wishes.port, simulator.base_url, before.url if before else None)
        log_to_stderr(settings.log)
        node = Node(settings)
        url = await node.start()
        resources.push_async_callback(node.stop)
        companies = await _enrolled(node, vehicles, before)
        companies = await asyncio.to_thread(_with_tokens, url, companies)
        memory = DemoState(url, simulator.base_url, vehicles, companies)
        save_state(wishes.directory, memory)
        yield memory


def _vehicles(wishes: DemoOptions, before: DemoState | None) -> int:
    """A fleet can grow but not shrink: the simulator would miss vehicles that it remembers."""
    if before is None:
        return VEHICLES if wishes.vehicles is None else wishes.vehicles
    return max(before.vehicles, wishes.vehicles or 0)


@asynccontextmanager
async def _simulator(wishes: DemoOptions, vehicles: int, before: DemoState | None) -> AsyncIterator[Simulator]:
    settings = SimulatorSettings(
        port=port_of(before.oem_url) if before else 0,
        data_dir=wishes.directory / _SIMULATOR_FOLDER,
        vehicles=vehicles,
        latency_median=LATENCY if wishes.latency is None else wishes.latency,
    )
    async with running_simulator(settings) as simulator:
        if wishes.latency is not None:
            simulator.simulation.set_latency(wishes.latency)
        yield simulator


async def _enrolled(node: Node, vehicles: int, before: DemoState | None) -> list[Credentials]:
    known = before.companies if before else None
    try:
        return await enrol(node.administration.administer_all, fleet_vins(vehicles), known)
    except OperationError as error:
        raise _stuck(error.code, str(error)) from None


def _with_tokens(url: str, companies: list[Credentials]) -> list[Credentials]:
    return [msgspec.structs.replace(company, token=_token(url, company)) for company in companies]


def _token(url: str, company: Credentials) -> Token:
    """The token that it had while that is good, else a new one."""
    with client_of(url, company) as client:
        try:
            client.status(_NO_COMMAND)
        except KeyturnError as error:
            if error.http_status != HTTPStatus.NOT_FOUND:
                raise _stuck("demo_refused", f"the application of {company.name} hears: {error.detail}") from None
        except Unreachable as error:
            raise Failure(Exit.UNREACHABLE, "unreachable", str(error)) from None
        return client.token()


def _stuck(code: str, reason: str) -> Failure:
    return Failure(Exit.REFUSED, code, f"The demo cannot go on with this data: {reason}")
