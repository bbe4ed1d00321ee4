"""``keyturn demo``: the command, its options and its output."""

import asyncio
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from keyturn.cli.demo.fleet import COMPANIES
from keyturn.cli.demo.running import LATENCY, VEHICLES, DemoOptions, running_demo
from keyturn.cli.demo.state import DemoState
from keyturn.cli.demo.tour import show_tour
from keyturn.cli.options import AsJson
from keyturn.cli.output import print_json
from keyturn.cli.server import run_server
from keyturn.config.sources import variable_of
from keyturn_simulator import fleet_vins

_DATA = variable_of(("server", "data"))


def demo(
    *,
    port: Annotated[int | None, Parameter(help="Port to listen on; 0 takes a free one.")] = None,
    data: Annotated[Path | None, Parameter(help="Data directory; without it, all is deleted at the end.")] = None,
    vehicles: Annotated[int | None, Parameter(help=f"Ordinary vehicles. Default {VEHICLES}.")] = None,
    latency: Annotated[
        float | None, Parameter(help=f"Median seconds that a vehicle takes to answer. Default {LATENCY:g}.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Run a server, a simulated OEM and a fleet until SIGTERM or SIGINT.

    Shows one signed command until it is final, and what to try next; with --json prints one line when it is ready.
    """
    with _directory(data) as directory:
        options = DemoOptions(directory, port, vehicles, latency)
        run_server(lambda stopping: _demo(options, stopping, as_json=as_json))


async def _demo(options: DemoOptions, stopping: asyncio.Event, *, as_json: bool) -> None:
    async with running_demo(options) as state:
        if as_json:
            print_json(ready_line(state))
        elif not stopping.is_set():
            await show_tour(state, options.directory, stopping)
        await stopping.wait()


def ready_line(state: DemoState) -> dict[str, object]:
    """What ``--json`` prints: URLs, and each company with its secrets and VINs."""
    fleet = list(fleet_vins(state.vehicles))
    companies = [
        {
            "name": company.name,
            "client_id": company.client_id,
            "client_secret": company.client_secret,
            "sign_secret": company.sign_secret,
            "token": company.token.value if company.token else None,
            "vins": [vehicle.vin for vehicle in fleet if COMPANIES[vehicle.company].name == company.name],
        }
        for company in state.companies
    ]
    return {"url": state.url, "oem_url": state.oem_url, "companies": companies}


@contextmanager
def _directory(chosen: Path | None) -> Iterator[Path]:
    if chosen is None and _DATA in os.environ:
        chosen = Path(os.environ[_DATA])
    if chosen is not None:
        yield chosen
        return
    with tempfile.TemporaryDirectory(prefix="keyturn-demo-") as fresh:
        yield Path(fresh)
