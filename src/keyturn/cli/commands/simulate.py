"""``keyturn simulate``, and a running simulator for other commands."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from keyturn.api.server.listeners import refused_address
from keyturn.cli.failure import Exit, Failure
from keyturn.cli.options import AsJson
from keyturn.cli.output import print_url
from keyturn.cli.server import run_server
from keyturn.store.data_directory import DataDirectoryLock
from keyturn_simulator import JournalError, Simulator, SimulatorSettings

DEFAULT = SimulatorSettings()


def simulate(
    *,
    host: Annotated[str, Parameter(help="Address to listen on.")] = DEFAULT.host,
    port: Annotated[int, Parameter(help="Port to listen on; 0 takes a free one.")] = DEFAULT.port,
    data: Annotated[Path | None, Parameter(help="Data directory; without it, nothing is kept.")] = None,
    seed: Annotated[int, Parameter(help="Seed of all random behaviour.")] = DEFAULT.seed,
    latency: Annotated[float, Parameter(help="Median seconds that a vehicle takes to answer.")] = (
        DEFAULT.latency_median
    ),
    vehicles: Annotated[int, Parameter(help="Ordinary vehicles, beside those with a fixed behaviour.")] = (
        DEFAULT.vehicles
    ),
    token: Annotated[str, Parameter(help="Bearer token that it accepts.")] = DEFAULT.token,
    as_json: AsJson = False,
) -> None:
    """Run the simulated OEM cloud alone until SIGTERM or SIGINT. Prints its URL when it is ready."""
    settings = SimulatorSettings(
        host=host, port=port, data_dir=data, seed=seed, latency_median=latency, vehicles=vehicles, token=token
    )
    run_server(lambda stopping: _simulate(settings, stopping, as_json=as_json))


async def _simulate(settings: SimulatorSettings, stopping: asyncio.Event, *, as_json: bool) -> None:
    async with running_simulator(settings) as simulator:
        print_url(simulator.base_url, as_json=as_json)
        await stopping.wait()


@asynccontextmanager
async def running_simulator(settings: SimulatorSettings) -> AsyncIterator[Simulator]:
    """A simulator with its data directory locked. Raises `StoreRefused`, `ListenRefused` or `Failure`."""
    async with AsyncExitStack() as resources:
        if settings.data_dir is not None:
            resources.callback(DataDirectoryLock(settings.data_dir).release)
        simulator = Simulator(settings)
        await _start(simulator, settings)
        resources.push_async_callback(simulator.stop)
        yield simulator


async def _start(simulator: Simulator, settings: SimulatorSettings) -> None:
    try:
        await simulator.start()
    except JournalError as error:
        reason = f"The simulator's data in {settings.data_dir} cannot be used: {error}."
        raise Failure(Exit.UNREACHABLE, "store_refused", reason) from None
    except OSError as error:
        raise refused_address(settings.host, settings.port, error) from None
