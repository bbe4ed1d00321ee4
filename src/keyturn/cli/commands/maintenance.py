"""Maintenance of an installation: ``keyturn backup``, ``restore`` and ``alerts``."""

import sys
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from keyturn.cli.administration import administer
from keyturn.cli.configuration import settings_at
from keyturn.cli.failure import Exit
from keyturn.cli.login import credentials
from keyturn.cli.options import DEFAULT_INSTALLATION, NO_OPERATOR, AsJson, Installation, OperatorLogin
from keyturn.cli.output import print_answer

Unsigned = Annotated[
    bool,
    Parameter(negative="", help="Restore although the signature is missing or wrong; that is recorded and alerted."),
]


def backup(
    file: Path,
    /,
    *,
    installation: Installation = DEFAULT_INSTALLATION,
    login: OperatorLogin = NO_OPERATOR,
    as_json: AsJson = False,
) -> None:
    """Copy the database to a new file and sign it in FILE.sig, while the server runs or without one.

    Keys are not in it: keep the key file.
    """
    print_answer(
        administer(installation, "backup", {"file": str(file.absolute())}, credentials(login)), as_json=as_json
    )


def restore(
    file: Path,
    /,
    *,
    unsigned: Unsigned = False,
    installation: Installation = DEFAULT_INSTALLATION,
    as_json: AsJson = False,
) -> None:
    """Replace the database by a backup, while no server runs. Commands that it holds as unsent are never sent.

    The restore is recorded in every audit chain; acknowledge it with keyturn audit acknowledge EPOCH.
    """
    from keyturn import administration  # most of the server; a backup through a running one does without it
    from keyturn.cli.server import server_failures

    settings = settings_at(installation)
    with server_failures():
        restored = administration.restore(settings, file, unsigned=unsigned)
    answer = {"restored": str(file), "epoch": restored.epoch, "made_at": restored.made_at}
    print_answer({**answer, "signature": str(restored.verdict)}, as_json=as_json)


Verb = Annotated[
    Literal["list", "test"], Parameter(help="list: show the newest alerts. test: send one through every channel now.")
]
Unsent = Annotated[bool, Parameter(negative="", help="With list: only alerts that are not delivered yet.")]


def alerts(
    verb: Verb,
    /,
    *,
    unsent: Unsent = False,
    installation: Installation = DEFAULT_INSTALLATION,
    login: OperatorLogin = NO_OPERATOR,
    as_json: AsJson = False,
) -> int:
    """List alerts, or test the channels; the exit code is 1 where a channel fails."""
    arguments = {"unsent": unsent} if verb == "list" else {}
    answer = administer(installation, f"alerts {verb}", arguments, credentials(login))
    print_answer(answer, as_json=as_json)
    failed = [channel for channel in answer.get("channels", ()) if not channel["delivered"]]
    if failed and not as_json:
        print(f"keyturn: {failed[0]['channel']} failed: {failed[0]['fault']}", file=sys.stderr)
    return Exit.REFUSED if failed else Exit.DONE
