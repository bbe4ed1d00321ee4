"""Every command by name, and the way from the words on the command line to an exit code.

Only the command that is called is imported, and the overview needs none of them.

Words of the command line that were renamed, by their former one; the former one still works.

`docs/upgrading.md` has the table. An operation keeps the name that is stored with proposed changes.
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
    """What it does, and where its function, or its functions by verb, are; administration has verbs of its own."""

    help: str
    path: str = _ADMINISTRATION


GROUPS: dict[str, dict[str, Command]] = {
    "Run": {
        "demo": Command("A server, a simulated OEM and a fleet to try things on.", "keyturn.cli.demo.command:demo"),
        "serve": Command("The server.", "keyturn.cli.server:serve"),
        "simulate": Command("The simulated OEM cloud alone.", "keyturn.cli.commands.simulate:simulate"),
    },
    "Call a server": {
        "send": Command("Send a command and follow it to its end.", "keyturn.cli.commands.calls:send"),
        "status": Command("Show a command.", "keyturn.cli.commands.calls:status"),
        "token": Command("Fetch a bearer token.", "keyturn.cli.commands.calls:token"),
        "sign": Command("Print a signature; say why another does not match.", "keyturn.cli.commands.sign:sign"),
    },
    "Administer": {
        "company": Command("Companies: the tenants."),
        "application": Command("Applications of a company, and their secrets."),
        "plan": Command("Plans: which commands were bought for a vehicle."),
        "connector": Command(
            "Try a connector's definition; no vehicle is commanded.", "keyturn.cli.commands.connector:VERBS"
        ),
        "account": Command("A company's accounts at OEMs."),
        "vehicle": Command("Vehicles: how they are reached, and what may be done with them."),
        "immobilised": Command(
            "List immobilised vehicles; print an emergency sheet.", "keyturn.cli.commands.immobilised:immobilised"
        ),
        "immobilisation": Command("Immobilisation records: list them, close one by hand."),
        "notice": Command("What the end user of a vehicle was told."),
        "enable": Command(
            "Enable a vehicle's ignition, with --keep until confirmed.", "keyturn.cli.commands.immobilised:enable"
        ),
        "keep-enabling": Command("Enabling that goes on until it is confirmed."),
        "alerts": Command("Alerts: what was told to whom; try them out.", "keyturn.cli.commands.maintenance:alerts"),
        "operator": Command("Operators: who administers, approves and looks on."),
        "change": Command("Changes that loosen: they wait, and others in charge may stop them."),
        "policy": Command("A company's rules for immobilising vehicles."),
        "switch": Command("Kill switches: stop commands at once, for all, a company or an account."),
        "limit": Command("Limits on immobilising that were reached; lift them."),
        "approval": Command("Immobilisations that wait for a second person."),
        "command": Command("Commands that wait: take one back."),
        "ready": Command("What a command would meet now; nothing is sent.", "keyturn.cli.commands.ready:ready"),
        "clock": Command("The time: what the clocks show; accept a wall clock that was set."),
        "audit": Command("The audit chains: checkpoint, export, verify.", "keyturn.cli.commands.audit:VERBS"),
        "dossier": Command(
            "Everything on record about a command, in two files.", "keyturn.cli.commands.dossier:dossier"
        ),
        "backup": Command("Copy the database to a file.", "keyturn.cli.commands.maintenance:backup"),
        "restore": Command("Put a backup in the database's place.", "keyturn.cli.commands.maintenance:restore"),
    },
}

_OVERVIEW = """\
Usage: keyturn COMMAND

A remote-command gateway for connected vehicles.

{groups}

keyturn COMMAND --help says more about a command, keyturn --version which Keyturn this is."""


def run(tokens: list[str]) -> int:
    """Do what the command line says; the exit code."""
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
    """The help of ``keyturn`` itself."""
    width = max(len(name) for commands in GROUPS.values() for name in commands)
    groups = (
        "\n".join([f"{title}:", *(f"  {name:{width}}  {command.help}" for name, command in commands.items())])
        for title, commands in GROUPS.items()
    )
    return _OVERVIEW.format(groups="\n\n".join(groups))


def _app(name: str) -> "App":
    """The command line of one command. Raises `Failure`."""
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
        module, _, function = path.partition(":")
        target = getattr(import_module(module), function)
        for verb, does in target.items() if isinstance(target, dict) else ():
            app.command(does, name=verb)
        if callable(target):
            app.default(target)
    return app


def _call(app: "App", tokens: list[str]) -> int:
    """Raises `Failure`."""
    from cyclopts import CycloptsError

    try:
        return app(tokens, exit_on_error=False, print_error=False, result_action="return_value") or Exit.DONE
    except CycloptsError as error:
        raise usage(" ".join(str(error).split())) from None


RENAMED_VERBS = {"switch throw": "switch activate", "switch release": "switch deactivate"}
"""Noun and verb as they are now, by those before."""
RENAMED_OPTIONS = {"immobilised --sheet": "immobilised --emergency-sheet"}
"""Command and option as they are now, by those before."""


def verb_names(operation: str) -> tuple[str, ...]:
    """The verbs that call an operation, the one to be shown first."""
    words = (RENAMED_VERBS.get(operation, operation), operation)
    return tuple(dict.fromkeys(word.split(" ")[1] for word in words))
