"""``keyturn backup`` and ``keyturn restore``.

``keyturn alerts list`` and ``keyturn alerts test``.
"""

import sys
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from keyturn.cli.administration import perform
from keyturn.cli.configuration import settings_at
from keyturn.cli.failure import Exit
from keyturn.cli.login import credentials
from keyturn.cli.options import DEFAULT_INSTALLATION, NO_OPERATOR, AsJson, Installation, OperatorLogin
from keyturn.cli.output import print_answer

Unsigned = Annotated[
    bool, Parameter(negative="", help="Take it although its signature is missing or wrong; that is entered and told.")
]


def backup(
    file: Path,
    /,
    *,
    place: Installation = DEFAULT_INSTALLATION,
    who: OperatorLogin = NO_OPERATOR,
    as_json: AsJson = False,
) -> None:
    """Copy the database to a new file and sign it in FILE.sig, while the server works or without one.

    Keys are not in it: keep the key file.
    """
    print_answer(perform(place, "backup", {"file": str(file.absolute())}, credentials(who)), as_json=as_json)


def restore(
    file: Path, /, *, unsigned: Unsigned = False, place: Installation = DEFAULT_INSTALLATION, as_json: AsJson = False
) -> None:
    """Put a backup in the database's place, with no server running. What it knows as unsent is never sent.

    It is entered into every audit chain; say that you know of it with keyturn audit acknowledge EPOCH.
    """
    from keyturn import administration  # the whole server, which a backup through a running one does not need
    from keyturn.cli.server import server_failures

    settings = settings_at(place)
    with server_failures():
        restored = administration.restore(settings, file, unsigned=unsigned)
    answer = {"restored": str(file), "epoch": restored.epoch, "made_at": restored.made_at}
    print_answer({**answer, "signature": str(restored.verdict)}, as_json=as_json)


Verb = Annotated[
    Literal["list", "test"], Parameter(help="list: the newest alerts. test: one through every channel, now.")
]
Unsent = Annotated[bool, Parameter(negative="", help="Of the list: only what is not delivered yet.")]


def alerts(
    verb: Verb,
    /,
    *,
    unsent: Unsent = False,
    place: Installation = DEFAULT_INSTALLATION,
    who: OperatorLogin = NO_OPERATOR,
    as_json: AsJson = False,
) -> int:
    """Show alerts, or try the channels; a channel that fails makes the exit code 1."""
    arguments = {"unsent": unsent} if verb == "list" else {}
    answer = perform(place, f"alerts {verb}", arguments, credentials(who))
    print_answer(answer, as_json=as_json)
    failed = [channel for channel in answer.get("channels", ()) if not channel["delivered"]]
    if failed and not as_json:
        print(f"keyturn: {failed[0]['channel']} failed: {failed[0]['fault']}", file=sys.stderr)
    return Exit.REFUSED if failed else Exit.DONE
