"""Terminal output of a demo: what runs, one signed command, and what to try next."""

import asyncio
import shlex
import sys
from pathlib import Path

from keyturn.cli.demo.state import DemoState, client_of
from keyturn.cli.tables import console, follow, pairs
from keyturn_client import KeyturnClient, KeyturnError, Unreachable, message

_VIN = "9KTPARKED00000001"
_WAIT = 1
"""Seconds of one long poll; a demo that is stopped meanwhile waits no longer than that."""

_NEXT_STEPS = """\
Continue in another terminal.

Start the vehicle:
curl -X POST {url}/vehicle-command \\
  -H 'Authorization: Bearer {token}' \\
  -H 'X-Signature: {signature}' \\
  -d '{body}'

Show the result of a command (here of the one above):
curl '{url}/vehicle-command/{command_id}?wait=30' \\
  -H 'Authorization: Bearer {token}'

Show what the vehicles really did:
curl {oem_url}/ledger

Immobilise the vehicle; it asks for your confirmation:
{keyturn} send {vin} disable_ignition --demo {directory}

See the vehicle as its operator does:
{keyturn} vehicle show {vin} --data {directory}

Ctrl-C ends the demo."""


async def show_tour(state: DemoState, directory: Path, stopping: asyncio.Event) -> None:
    """Print the tour; it ends early when the demo is stopped."""
    tour = asyncio.create_task(asyncio.to_thread(_tour, state, directory))
    stop = asyncio.create_task(stopping.wait())
    await asyncio.wait((tour, stop), return_when=asyncio.FIRST_COMPLETED)
    if tour.done():
        tour.result()
    tour.cancel()
    stop.cancel()


def _tour(state: DemoState, directory: Path) -> None:
    _show_what_runs(state, directory)
    with client_of(state.url, state.companies[0]) as client:
        command_id = _show_a_command(client)
        _show_next_steps(state, directory, client, command_id)


def _show_what_runs(state: DemoState, directory: Path) -> None:
    companies = ", ".join(company.name for company in state.companies)
    rows = [
        ("gateway", state.url),
        ("OEM cloud", f"{state.oem_url} (simulated)"),
        ("companies", companies),
        ("vehicles", f"{state.vehicles} ordinary ones, and some with a behaviour of their own (docs/cli.md)"),
        ("data", f"{directory}"),
    ]
    out = console()
    out.rule("Keyturn demo", align="left")
    out.print(pairs(rows))


def _show_a_command(client: KeyturnClient) -> str:
    """Send a command and follow it; its id."""
    print("\nOne signed command, from the request to the answer of the vehicle:\n")
    try:
        sent = client.send(_VIN, "location")
        follow(client.follow(sent["id"], _WAIT))
    except (KeyturnError, Unreachable) as error:
        print(error)
        return "<id>"
    return str(sent["id"])


def _show_next_steps(state: DemoState, directory: Path, client: KeyturnClient, command_id: str) -> None:
    steps = _NEXT_STEPS.format(
        url=state.url,
        oem_url=state.oem_url,
        token=client.token().value,
        signature=client.sign(_VIN, "start"),
        body=message(_VIN, "start"),
        command_id=command_id,
        vin=_VIN,
        keyturn=_own_name(),
        directory=shlex.quote(str(directory)),
    )
    print(f"\n{steps}", flush=True)


def _own_name() -> str:
    """The words that call this program."""
    called = Path(sys.argv[0])
    return shlex.quote(str(called)) if called.name == "keyturn" else f"{shlex.quote(sys.executable)} -m keyturn"
