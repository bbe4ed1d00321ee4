"""What a person sees on the terminal: what runs, one signed command, and how to go on."""

import asyncio
import shlex
import sys
from pathlib import Path

from keyturn.cli.demo.state import DemoState, client_of
from keyturn.cli.tables import console, follow, pairs
from keyturn_client import KeyturnClient, KeyturnError, Unreachable, message

_VIN = "9KTPARKED00000001"
_WAIT = 1
"""Seconds that a question about the command is held: a demo that is told to stop need not wait longer."""

_HOW_TO_GO_ON = """\
Go on in another terminal.

Start the vehicle:
curl -X POST {url}/vehicle-command \\
  -H 'Authorization: Bearer {token}' \\
  -H 'X-Signature: {signature}' \\
  -d '{body}'

Ask what became of a command (here of the one above):
curl '{url}/vehicle-command/{command_id}?wait=30' \\
  -H 'Authorization: Bearer {token}'

Read what the vehicles really did:
curl {oem_url}/ledger

Immobilise the vehicle; it asks for your confirmation:
{keyturn} send {vin} disable_ignition --demo {directory}

See the vehicle as its operator does:
{keyturn} vehicle show {vin} --data {directory}

Ctrl-C ends the demo."""


async def show_tour(memory: DemoState, directory: Path, stopping: asyncio.Event) -> None:
    """Write it all to stdout; cut short when the demo is told to stop."""
    tour = asyncio.create_task(asyncio.to_thread(_tour, memory, directory))
    stop = asyncio.create_task(stopping.wait())
    await asyncio.wait((tour, stop), return_when=asyncio.FIRST_COMPLETED)
    if tour.done():
        tour.result()
    tour.cancel()
    stop.cancel()


def _tour(memory: DemoState, directory: Path) -> None:
    _show_what_runs(memory, directory)
    with client_of(memory.url, memory.companies[0]) as client:
        command_id = _show_a_command(client)
        _show_how_to_go_on(memory, directory, client, command_id)


def _show_what_runs(memory: DemoState, directory: Path) -> None:
    companies = ", ".join(company.name for company in memory.companies)
    rows = [
        ("gateway", memory.url),
        ("OEM cloud", f"{memory.oem_url} (simulated)"),
        ("companies", companies),
        ("vehicles", f"{memory.vehicles} ordinary ones, and some with a behaviour of their own (docs/cli.md)"),
        ("data", f"{directory}"),
    ]
    out = console()
    out.rule("Keyturn demo", align="left")
    out.print(pairs(rows))


def _show_a_command(client: KeyturnClient) -> str:
    """The command's id."""
    print("\nOne signed command, from the request to what the vehicle answered:\n")
    try:
        sent = client.send(_VIN, "location")
        follow(client.follow(sent["id"], _WAIT))
    except (KeyturnError, Unreachable) as error:
        print(error)
        return "<id>"
    return str(sent["id"])


def _show_how_to_go_on(memory: DemoState, directory: Path, client: KeyturnClient, command_id: str) -> None:
    said = _HOW_TO_GO_ON.format(
        url=memory.url,
        oem_url=memory.oem_url,
        token=client.token().value,
        signature=client.sign(_VIN, "start"),
        body=message(_VIN, "start"),
        command_id=command_id,
        vin=_VIN,
        keyturn=_own_name(),
        directory=shlex.quote(str(directory)),
    )
    print(f"\n{said}", flush=True)


def _own_name() -> str:
    """How this program can be called again."""
    called = Path(sys.argv[0])
    return shlex.quote(str(called)) if called.name == "keyturn" else f"{shlex.quote(sys.executable)} -m keyturn"
