"""Entry of the command line: every command by name, its import on demand, and its exit code.

Only the module of the called command is imported, and the overview imports none of them: a start is fast.
"""

import difflib
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple

from keyturn import __version__
from keyturn.cli.failure import Exit, Failure, print_failure, usage

if TYPE_CHECKING:
    from cyclopts import App

_ADMINISTRATION = ""


class Command(NamedTuple):
    """A help line, and `module:NAME` of the function or the functions by verb; empty for administration commands."""

    help: str
    path: str = _ADMINISTRATION


GROUPS: dict[str, dict[str, Command]] = {
    "Run": {
        "demo": Command("Run a server, a simulated OEM and a fleet to try out.", "keyturn.cli.demo.command:demo"),
        "serve": Command("Run the server.", "keyturn.cli.server:serve"),
        "simulate": Command("Run the simulated OEM cloud alone.", "keyturn.cli.commands.simulate:simulate"),
    },
    "Call a server": {
        "send": Command("Send a command and follow it until it is final.", "keyturn.cli.commands.calls:send"),
        "status": Command("Show a command.", "keyturn.cli.commands.calls:status"),
        "token": Command("Fetch a bearer token.", "keyturn.cli.commands.calls:token"),
        "sign": Command("Print a signature; explain why another does not match.", "keyturn.cli.commands.sign:sign"),
    },
    "Administer": {
        "company": Command("Manage companies, which are the tenants."),
        "application": Command("Manage a company's applications and their secrets."),
        "plan": Command("Manage subscription plans: the commands that a vehicle may get."),
        "connector": Command(
            "Test a connector's definition; no command is sent to a vehicle.", "keyturn.cli.commands.connector:VERBS"
        ),
        "account": Command("Manage a company's accounts at OEMs."),
        "vehicle": Command("Manage vehicles: account, plan, ownership and consent."),
        "immobilised": Command(
            "List immobilised vehicles; print an emergency sheet.", "keyturn.cli.commands.immobilised:immobilised"
        ),
        "immobilisation": Command("List immobilisation records; close one by hand."),
        "notice": Command("Record a notice to the end user of a vehicle."),
        "enable": Command(
            "Enable a vehicle's ignition; with --keep, until confirmed.",
            "keyturn.cli.commands.immobilised:enable",
        ),
        "keep-enabling": Command("List and cancel enable retries, which go on until confirmed."),
        "alerts": Command("List alerts; test the channels.", "keyturn.cli.commands.maintenance:alerts"),
        "operator": Command("Manage operators: administrators, approvers and viewers."),
        "change": Command("Review pending changes, which relax a safeguard."),
        "policy": Command("Show and set a company's rules for immobilising vehicles."),
        "switch": Command("Activate kill switches: stop commands for all, a company or an account."),
        "limit": Command("List limits on immobilising that were reached; lift them."),
        "approval": Command("Review immobilisations that wait for a second person."),
        "command": Command("Show a command; cancel one that was not sent."),
        "ready": Command("Check what a command would meet now; nothing is sent.", "keyturn.cli.commands.ready:ready"),
        "clock": Command("Show the clocks; accept a wall clock that was set."),
        "audit": Command("Checkpoint, export and verify the audit chains.", "keyturn.cli.commands.audit:VERBS"),
        "dossier": Command(
            "Write everything on record about a command to two files.", "keyturn.cli.commands.dossier:dossier"
        ),
        "backup": Command("Copy the database to a file.", "keyturn.cli.commands.maintenance:backup"),
        "restore": Command("Replace the database by a backup.", "keyturn.cli.commands.maintenance:restore"),
    },
}

RENAMED_VERBS = {"switch throw": "switch activate", "switch release": "switch deactivate"}
"""Present noun and verb by the former ones, which still work (docs/upgrading.md); operations keep the former."""
RENAMED_OPTIONS = {"immobilised --sheet": "immobilised --emergency-sheet"}
"""Present command and option by the former ones, which still work."""

_OVERVIEW = """\
Usage: keyturn COMMAND

A remote-command gateway for connected vehicles.

{groups}

keyturn COMMAND --help shows the options of a command, keyturn --version the version."""


def run(tokens: list[str]) -> int:
    """Run the command line; the exit code."""
    try:
        return _run(tokens)
    except Failure as failure:
        print_failure(failure, as_json="--json" in tokens)
        return failure.status


def _run(tokens: list[str]) -> int:
    first = tokens[0] if tokens else "--help"
    if first in {"--help", "-h"}:
        print(overview())
    elif first == "--version":
        print(__version__)
    else:
        return _call(_app(first), tokens[1:])
    return Exit.DONE


def overview() -> str:
    """The help text of ``keyturn`` without a command."""
    width = max(len(name) for commands in GROUPS.values() for name in commands)
    groups = (
        "\n".join([f"{title}:", *(f"  {name:{width}}  {command.help}" for name, command in commands.items())])
        for title, commands in GROUPS.items()
    )
    return _OVERVIEW.format(groups="\n\n".join(groups))


def _app(name: str) -> "App":
    """The parser of one command. Raises `Failure` where there is no such command."""
    commands = {name: command for group in GROUPS.values() for name, command in group.items()}
    if name not in commands:
        close = difflib.get_close_matches(name, commands, n=1)
        raise usage(f"There is no command '{name}'; {f'the nearest is {close[0]}' if close else 'see keyturn --help'}.")

    from cyclopts import App

    app = App(f"keyturn {name}", help_format="plaintext", version_flags=())
    path = commands[name].path
    if path == _ADMINISTRATION:
        import_module("keyturn.cli.administration").add_verbs(app, name)
    else:
        module, _, name_in_module = path.partition(":")
        target = getattr(import_module(module), name_in_module)
        for verb, function in target.items() if isinstance(target, dict) else ():
            app.command(function, name=verb)
        if callable(target):
            app.default(target)
    return app


def _call(app: "App", tokens: list[str]) -> int:
    """Parse the tokens and call the command; the exit code. Raises `Failure`."""
    from cyclopts import CycloptsError

    try:
        return app(tokens, exit_on_error=False, print_error=False, result_action="return_value") or Exit.DONE
    except CycloptsError as error:
        raise usage(" ".join(str(error).split())) from None


def verb_names(operation: str) -> tuple[str, ...]:
    """The verbs of an operation, the present one first."""
    words = (RENAMED_VERBS.get(operation, operation), operation)
    return tuple(dict.fromkeys(word.split(" ")[1] for word in words))
